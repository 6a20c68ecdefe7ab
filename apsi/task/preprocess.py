"""Preparing photos."""

from omegaconf import DictConfig

from apsi.config.build import prepare
from apsi.config.instantiate import instantiate
from apsi.photo.write import link_or_copy
from apsi.preprocess.base import SPLITS
from apsi.task.rehearse import rehearse_preparing
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import record_prepared, report_prepared, timed, tracked


def preprocess(config: DictConfig, folder: RunFolder) -> dict[str, int]:
    """Prepares train, val and test; returns the numbers of episodes, of dropped episodes and of skipped files.

    The run's folder, and with it the record, gets the annotation files (`annotations/`), the seconds that each step
    took (`timings.json`) and how the scores are distributed (`scores.json`).
    """
    rehearse_preparing(config)
    with tracked(config, folder, "preparations") as tracker:
        with timed({}, "prepare", tracker):
            prepared = prepare(config)
        numbers = report_prepared(prepared, folder)
        from apsi.analyse.scoring import write_scoring  # takes 150 MB, which preparing has no use for

        with instantiate(config.preprocess).engine as engine:
            write_scoring(prepared.folder, folder.path, engine, config.data_seed)
        record_prepared(numbers, folder, tracker)
        for split in SPLITS:
            link_or_copy(prepared.folder / split / "annotations.json", folder.path / "annotations" / f"{split}.json")
        return numbers
