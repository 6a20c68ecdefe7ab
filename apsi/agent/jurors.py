"""The jurors of an agent: those that have to be fitted come out of its checkpoint, fitted as in its training."""

import logging
from pathlib import Path

from omegaconf import DictConfig

from apsi.agent.checkpoint import Checkpoint, read_checkpoint
from apsi.config.build import prepare
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.parameters import unpack_parameters
from apsi.photo.stream import PhotoStream
from apsi.photo.write import read_png
from apsi.preprocess.steps import Prepared

log = logging.getLogger(__name__)


def ready_juror(config: DictConfig) -> Juror:
    """The juror of a configuration, ready to score.

    One that has to be fitted comes out of `checkpoint`, or is fitted on the configured data set.
    """
    juror: Juror = instantiate(config.juror)
    if not isinstance(juror, FittedJuror) or juror.is_fitted:
        return juror
    if config.checkpoint is None:
        return prepare(config).juror
    parameters = read_checkpoint(Path(config.checkpoint).expanduser()).juror
    if parameters is None:
        raise ApsiError(f"checkpoint={config.checkpoint} holds no fitted juror")
    unpack_parameters(parameters, juror, "the checkpoint")
    return juror


def second_juror(config: DictConfig, prepared: Prepared | None, checkpoint: Checkpoint | None = None) -> Juror | None:
    """The second juror, which scores edits too and is never trained on; None where there is none.

    One that has to be fitted comes out of the checkpoint, where that holds one of its kind. Otherwise it is fitted: on
    the agent's training photos, or where no prepared photos are at hand, on those of the configured data set.

    Args:
        config: a whole configuration.
        prepared: the prepared photos; None: there are none, as where single photos are edited.
        checkpoint: the agent that edits; None while it is trained, and where a search edits.

    Raises:
        ApsiError: the checkpoint has none fitted, and the prepared photos are not those that it was trained on.
    """
    if config.second_juror is None:
        return None
    juror: Juror = instantiate(config.second_juror)
    if not isinstance(juror, FittedJuror) or juror.is_fitted:
        return juror
    kind = config.second_juror["_target_"]
    if (
        checkpoint is not None
        and checkpoint.second_juror is not None
        and checkpoint.config.second_juror["_target_"] == kind
    ):
        unpack_parameters(checkpoint.second_juror, juror, "the checkpoint")
        return juror
    name = f"second_juror={kind.rpartition('.')[2]}"
    if prepared is None:
        log.info("%s is fitted on the photos of dataset=, which are prepared for it, as no agent brings it", name)
        alone = config.copy()
        alone.juror = config.second_juror
        return prepare(alone).juror
    if checkpoint is not None and checkpoint.state.dataset != prepared.folder.name:
        raise ApsiError(
            f"{name} is fitted on the photos that the agent was trained on, and {checkpoint.path} holds none: train "
            "with juror@second_juror=..., evaluate on the photos that it was trained on, or choose one that needs no "
            "fitting"
        )
    paths = sorted({e.original for e in prepared.split("train").episodes})
    juror.fit(PhotoStream(lambda: map(read_png, paths)))
    return juror
