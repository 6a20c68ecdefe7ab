"""Preparing photos."""

from omegaconf import DictConfig

from apsi.analyse.scoring import write_scoring
from apsi.config.build import prepare
from apsi.config.instantiate import instantiate
from apsi.monitoring.metrics import METRICS
from apsi.task.rehearse import rehearse_preparing
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import record_seconds, report_prepared, tracked


def preprocess(config: DictConfig, folder: RunFolder) -> dict[str, int]:
    """Prepares train, val and test; returns the numbers of episodes, of dropped episodes and of skipped files."""
    rehearse_preparing(config)
    with tracked(config, folder, "preparations") as tracker:
        with METRICS.phase("prepare"):
            prepared = prepare(config)
        numbers = report_prepared(prepared, folder)
        with instantiate(config.preprocess).engine as engine:
            write_scoring(prepared.folder, folder.path, engine, config.data_seed)
        tracker.metrics({f"data/{name}": value for name, value in numbers.items()}, 0)
        record_seconds(prepared, tracker)
        return numbers
