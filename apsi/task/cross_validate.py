"""Cross-validation: several agents, each tested on the photos that it was not trained on."""

import logging
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi.agent.checkpoint import Checkpoint, read_checkpoint
from apsi.config.build import prepare
from apsi.config.instantiate import instantiate
from apsi.dataset.choose import choose
from apsi.errors import ApsiError
from apsi.evaluate.folds import pooled
from apsi.evaluate.require import conditions
from apsi.evaluate.run import play, show_evaluation, write_summary
from apsi.photo.write import link_or_copy
from apsi.preprocess.steps import Prepared
from apsi.task import evaluates
from apsi.task.preflight import preflight
from apsi.task.rehearse import rehearse_training
from apsi.task.train import train
from apsi.tracking.run_folder import CONTINUED, FINISHED, RunFolder, find_unfinished
from apsi.tracking.session import report_prepared, timed, tracked
from apsi.train.init_from import begins_anew, read_start, require_start_unseen

log = logging.getLogger(__name__)

_SPLIT = "preprocess.steps.split"


@evaluates
def cross_validate(config: DictConfig, folder: RunFolder, *, folds: int) -> dict[str, Any]:
    """Splits the photos into folds, trains one agent per fold on the other folds, and tests it on its fold.

    Copies of one photo stay in one fold. Each fold is a separate `task=train`, in `fold-1` and so on.
    After an interruption finished folds are kept, and the current one resumes from its last checkpoint.

    Returns:
        What `summary.json` holds: the figures of all folds together, with intervals by photo.

    Raises:
        ApsiError: an impossible number of folds, or whatever `task=train` refuses.
    """
    _require_possible(config, folds)
    conditions(config.evaluate.require, map(str, config.policy))
    fold = _of_fold(config, folds, 1, None)
    rehearse_training(fold, folder, evaluates=True)
    fold.preflight = config.preflight
    preflight(fold, folder, evaluates=True, times=folds)
    seconds = {"prepare": 0.0, "train": 0.0, "evaluate": 0.0}
    with tracked(config, folder, "cross validations") as tracker:
        configs = [_of_fold(config, folds, fold, tracker.run_id) for fold in range(1, folds + 1)]
        with timed(seconds, "prepare", tracker):
            photos = [_prepared(fold_config, folder) for fold_config in configs]
        if begins_anew(config, folder):
            start = read_start(config, tracker)
            for prepared in photos:
                require_start_unseen(start, prepared)
        _take_over(folder, configs, photos)
        trained = []
        for number, (fold_config, prepared) in enumerate(zip(configs, photos, strict=True), start=1):
            log.info("Fold %d of %d", number, folds)
            trained.append(_trained(fold_config, _fold_folder(folder, number)))
            tracker.dataset(prepared.split("test"), f"test of fold {number}")
        seconds["train"] = round(sum(checkpoint.state.seconds for checkpoint in trained), 2)
        with timed(seconds, "evaluate", tracker):
            pictures = -(-config.evaluate.images // folds)
            played = [
                play(c, p, agent, pictures=pictures) for c, p, agent in zip(configs, photos, trained, strict=True)
            ]
            evaluation = pooled(played, instantiate(config.dataset).title)
            summary = show_evaluation(config, evaluation, folder=folder, tracker=tracker, seconds=seconds)
        write_summary(summary, folder, tracker)
        return summary


def _require_possible(config: DictConfig, folds: int) -> None:
    if folds < 2:
        raise ApsiError(f"task.folds={folds} must be at least 2: an agent is tested with photos it was not trained on")
    if config.split != "test":
        raise ApsiError(f"split={config.split}: task=cross_validate tests with every photo once; leave split out")
    if config.resume not in (None, "auto", "never"):
        raise ApsiError(f"resume={config.resume}: task=cross_validate takes resume=auto or resume=never")
    split = OmegaConf.select(config, _SPLIT)
    if split is None or not {"folds", "fold"} <= split.keys():
        raise ApsiError(f"task=cross_validate deals the photos out in {_SPLIT}, which this configuration has not")
    if split.folds is not None or split.fold is not None:
        raise ApsiError(f"{_SPLIT}: task=cross_validate sets folds and fold itself; give task.folds={split.folds}")
    files = len(choose(instantiate(config.dataset), config.data_seed).files)
    if files < max(folds, 3):
        raise ApsiError(
            f"task.folds={folds}: the data set has {files} photos, of which every fold needs one of its own and two to "
            "train and validate with; take fewer folds or more photos"
        )


def _of_fold(config: DictConfig, folds: int, fold: int, parent_run: str | None) -> DictConfig:
    """The configuration of `task=train` for a fold."""
    made = config.copy()
    made.task = {"_target_": "apsi.task.train.train", "_partial_": True}
    OmegaConf.update(made, _SPLIT, {"folds": folds, "fold": fold})
    made.search.parent_run = parent_run
    made.evaluate.require = None  # of all folds together
    made.preflight = False  # likewise
    return made


def _prepared(config: DictConfig, folder: RunFolder) -> Prepared:
    prepared = prepare(config)
    report_prepared(prepared, folder)
    for name in ("train", "val", "test"):
        prepared.split(name)  # fails before training where a split is empty
    return prepared


def _fold_folder(folder: RunFolder, number: int) -> RunFolder:
    return RunFolder(folder.path / f"fold-{number}")


def _take_over(folder: RunFolder, configs: list[DictConfig], photos: list[Prepared]) -> None:
    """Takes over the folds that an earlier, unfinished run of the same command had trained."""
    earlier = find_unfinished(folder) if folder.record()["resume"] == "auto" else None
    if earlier is None:
        return
    for number, (config, prepared) in enumerate(zip(configs, photos, strict=True), start=1):
        old, new = _fold_folder(earlier, number), _fold_folder(folder, number)
        if not old.last_checkpoint.is_file():
            continue
        if read_checkpoint(old.last_checkpoint).state.dataset != prepared.folder.name:
            log.warning("%s is not continued: the photos have changed since", old.path)
            continue
        if old.best_checkpoint.is_file():
            link_or_copy(old.best_checkpoint, new.best_checkpoint)
        link_or_copy(old.last_checkpoint, new.last_checkpoint)
        if old.record().get("status") == FINISHED:
            _created(config, new).finish(FINISHED, taken_from=str(old.path))
            log.info("Fold %d was finished in %s; resume=never starts afresh", number, old.path)
    earlier.finish(CONTINUED, continued_in=str(folder.path))


def _trained(config: DictConfig, folder: RunFolder) -> Checkpoint:
    """The best agent of a fold, with the whole learning curve."""
    if folder.record().get("status") != FINISHED:
        if folder.last_checkpoint.is_file():
            config = config.copy()
            config.resume = str(folder.last_checkpoint)
        train(config, _created(config, folder))
    return replace(read_checkpoint(folder.best_checkpoint), state=read_checkpoint(folder.last_checkpoint).state)


def _created(config: DictConfig, folder: RunFolder) -> RunFolder:
    """The folder with the record of a `task=train` that has the command of the whole run."""
    whole = RunFolder(folder.path.parent)
    given = [str(override) for override in OmegaConf.load(whole.path / "overrides.yaml")]
    split = config.preprocess.steps.split
    kept = [override for override in given if not override.lstrip("+").startswith(("task=", "task."))]
    own = ["task=train", f"{_SPLIT}.folds={split.folds}", f"{_SPLIT}.fold={split.fold}"]
    return RunFolder.create(folder.path, config, [*kept, *own], whole.record()["choices"] | {"task": "train"})
