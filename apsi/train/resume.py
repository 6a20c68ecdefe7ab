"""Resuming an earlier run."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.agent.checkpoint import Checkpoint, TrainState, copy_agent, read_checkpoint, read_run_state
from apsi.config.instantiate import instantiate
from apsi.config.saved import resume_path
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.parameters import pack_parameters
from apsi.photo.write import link_or_copy
from apsi.preprocess.steps import Prepared
from apsi.tracking.base import Tracker
from apsi.tracking.run_folder import CONTINUED, RunFolder, find_unfinished
from apsi.train.init_from import require_start_unseen
from apsi.train.run_state import restore_run

log = logging.getLogger(__name__)

_PHOTOS, _JUROR = "the photos", "the fitted juror"
_KEEP_MEMORY = {"seed", _PHOTOS}
"""Changes after which what is remembered of earlier episodes could have come of present ones, too"""
_JUDGE = {"env", _PHOTOS}
"""Changes after which an agent's figures on the validation split mean something else"""


def checkpoint_to_resume(
    config: DictConfig, prepared: Prepared, folder: RunFolder, tracker: Tracker
) -> Checkpoint | None:
    """Finds the checkpoint to resume from and copies it, with the best one of its folder, into this run's folder.

    An unfinished run of the same command comes first; a named checkpoint second.

    Raises:
        ApsiError: the checkpoint can't be found or read, or was trained on photos to validate or test with now.
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
        log.warning("%s is not continued: the photos have changed since. Starting from scratch", path)
        return None
    require_start_unseen(checkpoint, prepared)
    changed = changes(checkpoint, config, prepared)
    if judges_anew(changed):
        log.warning(
            "Learning curve and best agent begin anew: figures from before %s changed are not comparable",
            " and ".join(sorted(_JUDGE & set(changed))),
        )
        state = replace(checkpoint.state, best=None, best_at=None, history=[], losses=[])
    else:
        state = _with_best(checkpoint, folder.best_checkpoint, instantiate(config.env).best_by)
    link_or_copy(path, folder.last_checkpoint)  # after the best one: from now on this folder is the one to resume
    if earlier is not None:
        for half_written in earlier.last_checkpoint.parent.glob(".*.tmp"):
            half_written.unlink(
                missing_ok=True
            )  # left by a kill; the same command in another process may delete it first
        earlier.finish(CONTINUED, continued_in=str(folder.path))
    log.info("Continuing %s at step %s; resume=never starts from scratch", path, f"{state.timesteps:,}")
    return replace(checkpoint, state=state)


def _with_best(checkpoint: Checkpoint, target: Path, best_by: str) -> TrainState:
    """The checkpoint's state with the best agent that is kept of then, which is copied to `target`.

    The best one of its folder may be of a later time; then it is the checkpoint itself, if it was validated, or none.
    """
    state = checkpoint.state
    figures = {row["timesteps"]: float(row[f"val_{best_by}"]) for row in state.history}
    kept = checkpoint.path.with_name(target.name)
    best_at = read_checkpoint(kept).state.timesteps if kept.is_file() else None
    if best_at in figures:
        link_or_copy(kept, target)
    elif state.timesteps in figures:
        best_at = state.timesteps
        copy_agent(checkpoint.path, target)
    else:
        best_at = None
    best = None if best_at is None else figures[best_at]
    if figures and (best is None or best < max(figures.values())):
        log.warning("The best agent up to step %s is not kept: the best one counts from here", f"{state.timesteps:,}")
    return replace(state, best=best, best_at=best_at)


def changes(checkpoint: Checkpoint, config: DictConfig, prepared: Prepared) -> list[str]:
    """Settings and data that differ from the checkpoint's, so that its episodes in progress can't be continued."""
    keys = ("env", "reward", "episodes", "degradation", "train.n_envs", "seed")
    now, then = ([OmegaConf.select(c, key) for key in keys] for c in (config, checkpoint.config))
    different = [key for key, a, b in zip(keys, now, then, strict=True) if a != b]
    different += [_PHOTOS] * (checkpoint.state.dataset != prepared.folder.name)
    return different + [_JUROR] * (checkpoint.juror != pack_parameters(prepared.juror))


def judges_anew(changed: Sequence[str]) -> bool:
    """Whether, after these `changes`, figures of the validation split can't be compared with earlier ones."""
    return bool(_JUDGE & set(changed))


def resume_run(checkpoint: Checkpoint, model: BaseAlgorithm, cached_juror: Juror, changed: Sequence[str]) -> None:
    """Restores the rest of a run's state, so that it continues as if it had never stopped.

    Args:
        checkpoint: the last one of a run; the best one holds networks and optimisers only.
        model: has the checkpoint's networks already; gets the replay buffer or other memory, the episodes in progress
            and the random states.
        cached_juror: gets the scores that were cached.
        changed: from `changes`; with any, new episodes begin, and with most the memory begins empty, as its rewards and
            outcomes would be others now.

    Raises:
        ApsiError: the state is damaged or does not fit.
    """
    state = read_run_state(checkpoint)
    if state is None:
        log.warning(
            "%s holds the agent only: training resumes with new episodes and an empty memory; last.zip in the same "
            "folder would resume exactly",
            checkpoint.path,
        )
        return
    memory = _KEEP_MEMORY.issuperset(changed)
    if changed:
        log.warning(
            "Training resumes with new episodes%s, as these have changed: %s",
            "" if memory else " and an empty memory",
            ", ".join(changed),
        )
    try:
        restore_run(state, model, cached_juror, episodes=not changed, memory=memory)
    except (AttributeError, IndexError, KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise ApsiError(
            f"the run in {checkpoint.path} can't be resumed: {error}. Use the version of apsi that wrote it, or "
            "start afresh with resume=never"
        ) from error
