"""A new run that begins with the weights of another run's agent."""

import logging
from collections.abc import Sequence
from dataclasses import asdict

from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.agent.checkpoint import Checkpoint, read_checkpoint, require_unseen
from apsi.agent.take_over import TakenOver, differing_settings, take_over
from apsi.algo.base import Algo
from apsi.config.saved import Records, agent_path
from apsi.errors import ApsiError
from apsi.preprocess.steps import Prepared
from apsi.tracking.base import Tracker
from apsi.tracking.run_folder import RunFolder, find_unfinished

log = logging.getLogger(__name__)

_SHOWN = 8  # settings in one line of the log


def begins_anew(config: DictConfig, folder: RunFolder) -> bool:
    """Whether a run needs what `init_from` names: one that goes on has all in its own checkpoint."""
    if config.init_from is None or config.resume not in (None, "auto", "never"):
        return False
    return config.resume != "auto" or find_unfinished(folder) is None


def read_start(config: DictConfig, records: Records) -> Checkpoint:
    """The checkpoint that `init_from` names, without its networks.

    Raises:
        ApsiError: missing, broken, or not a checkpoint of apsi.
    """
    try:
        return read_checkpoint(agent_path(config.init_from, records))
    except ApsiError as error:
        raise ApsiError(f"init_from={config.init_from}: {error}") from error


def require_start_unseen(start: Checkpoint, prepared: Prepared) -> None:
    """Refuses photos to validate and test with that the agent which a training starts from was trained on.

    Raises:
        ApsiError: there are some.
    """
    for name in ("val", "test"):
        require_unseen(start, prepared.load(name))


def begin_with(
    start: Checkpoint,
    algo: Algo,
    model: BaseAlgorithm,
    *,
    config: DictConfig,
    actions: Sequence[str],
    folder: RunFolder,
    tracker: Tracker,
) -> None:
    """Gives a new model the weights of another agent; says and records what it got and what is different.

    Args:
        start: the other agent.
        algo: of this run.
        model: freshly built; changed in place.
        config: of this run.
        actions: labels of its actions.
        folder: `run.json` gets `init_from`.
        tracker: gets the share and the place as tags.

    Raises:
        ApsiError: they don't fit at all.
    """
    taken, settings = take_over(start, algo, model, config, actions), differing_settings(start, config)
    _say(start, taken, settings)
    folder.note(
        init_from={
            "checkpoint": str(start.path.resolve()),
            "timesteps": start.state.timesteps,
            **asdict(taken),
            "share": taken.share,
            "settings": settings,
        }
    )
    tracker.tags(
        {
            "apsi.init_from": str(start.path.resolve()),
            "apsi.init_from.share": f"{taken.share:.4f}",
            "apsi.init_from.tensors": f"{taken.tensors} of {taken.of_tensors}",
            "apsi.init_from.settings": " ".join(settings),
        }
    )


def _say(start: Checkpoint, taken: TakenOver, settings: dict[str, tuple[str, str]]) -> None:
    log.info(
        "Beginning with the weights of %s after %s steps: %d of %d tensors, %.1f %% of the parameters; optimisers, "
        "counters, memory and schedules begin anew",
        *(start.path, f"{start.state.timesteps:,}", taken.tensors, taken.of_tensors, 100 * taken.share),
    )
    for reason, names in taken.new.items():
        log.warning("New, as %s: %s", reason, ", ".join(names))
    if taken.unused:
        log.warning("Not used of the checkpoint: %s", ", ".join(taken.unused))
    if settings:
        shown = [f"{key}={now or 'none'} (was {then or 'none'})" for key, (then, now) in settings.items()][:_SHOWN]
        more = f", and {len(settings) - _SHOWN} more in run.json" if len(settings) > _SHOWN else ""
        log.info("Unlike its run: %s%s", ", ".join(shown), more)
