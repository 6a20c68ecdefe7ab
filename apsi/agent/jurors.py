"""The jurors of an agent: those that have to be fitted come out of its checkpoint, fitted as in its training."""

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


def second_juror(config: DictConfig, prepared: Prepared, checkpoint: Checkpoint | None = None) -> Juror | None:
    """The second juror, which scores evaluated edits too, fitted on the agent's training photos if it needs fitting.

    Args:
        config: a whole configuration.
        prepared: the prepared photos.
        checkpoint: the agent that is evaluated, which brings its second juror fitted; None while it is trained.

    Raises:
        ApsiError: the checkpoint has none fitted, and its training photos are not at hand.
    """
    if config.second_juror is None:
        return None
    juror: Juror = instantiate(config.second_juror)
    if not isinstance(juror, FittedJuror) or juror.is_fitted:
        return juror
    if checkpoint is not None:
        its_own = checkpoint.config.second_juror
        if checkpoint.second_juror is not None and its_own["_target_"] == config.second_juror["_target_"]:
            unpack_parameters(checkpoint.second_juror, juror, "the checkpoint")
            return juror
        if checkpoint.state.dataset != prepared.folder.name:
            raise ApsiError(
                f"second_juror={config.second_juror['_target_'].rpartition('.')[2]} is fitted on the photos that the "
                f"agent was trained on, and {checkpoint.path} holds none: train with juror@second_juror=..., evaluate "
                "on the photos that it was trained on, or choose one that needs no fitting"
            )
    paths = sorted({e.original for e in prepared.split("train").episodes})
    juror.fit(PhotoStream(lambda: map(read_png, paths)))
    return juror
