"""Going on from an earlier run."""

import logging
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.photo.write import atomic
from apsi.preprocess.pipeline import Prepared
from apsi.run_folder import CONTINUED, RunFolder, find_unfinished
from apsi.tracking.base import Tracker
from apsi.train.checkpoint import Checkpoint, read_checkpoint

log = logging.getLogger(__name__)


def resume_path(resume: str, tracker: Tracker) -> Path:
    """The checkpoint that `resume` names: a file, a run's folder, or the id of a recorded run.

    Raises:
        ApsiError: it names none of them.
    """
    path = Path(resume).expanduser()
    if path.is_dir():
        return RunFolder(path).last_checkpoint
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path  # a path that doesn't exist is reported by whoever reads it
    return tracker.find_checkpoint(resume)


def checkpoint_to_resume(
    config: DictConfig, prepared: Prepared, folder: RunFolder, tracker: Tracker
) -> Checkpoint | None:
    """Finds the checkpoint to continue from and copies it, and the best one beside it, into this run's folder.

    An unfinished run of the same command comes first; a named checkpoint second.

    Raises:
        ApsiError: the checkpoint can't be found or read, or was trained on what would now validate it.
    """
    if config.resume in (None, "never"):
        return None
    earlier = find_unfinished(folder)
    if earlier is not None:
        path = earlier.last_checkpoint
    elif config.resume == "auto":
        return None
    else:
        path = resume_path(config.resume, tracker)
    checkpoint = read_checkpoint(path)
    if config.resume == "auto" and checkpoint.state.dataset != prepared.folder.name:
        log.warning("%s is not continued: the photos have changed since. Starting afresh", path)
        return None
    require_unseen(checkpoint, prepared.split("val"))
    state = checkpoint.state
    best = path.parent / folder.best_checkpoint.name
    if best.is_file():
        copy(best, folder.best_checkpoint)
    else:
        state = replace(state, best=None)  # there is nothing to beat
    copy(path, folder.last_checkpoint)  # after the best one: from here on this folder is the one to continue
    if earlier is not None:
        earlier.finish(CONTINUED, continued_in=str(folder.path))
    log.info("Continuing %s at step %s; resume=never starts afresh", path, f"{state.timesteps:,}")
    return replace(checkpoint, state=state)


def require_unseen(checkpoint: Checkpoint, split: PreparedSplit) -> None:
    """Holds a split against the photos that a checkpoint was trained on.

    Raises:
        ApsiError: some of its photos are among them, as after another seed or with other split ratios.
    """
    seen = originals(split.originals) & set(checkpoint.state.trained_on)
    if seen:
        raise ApsiError(
            f"{len(seen)} of the {len(originals(split.originals))} photos of the split '{split.name}' are among those "
            f"that {checkpoint.path} was trained on: use its seed and split, other photos, or split=all"
        )


def originals(hashes: Iterable[str]) -> set[str]:
    """Photos as a checkpoint remembers them: the beginnings of their SHA-256."""
    return {digest[:16] for digest in hashes}


def copy(source: Path, target: Path) -> None:
    """Copies a file whole or not at all."""
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)
