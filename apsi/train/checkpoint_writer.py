"""Which checkpoints a run writes, and which of them stay."""

from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.agent.checkpoint import Checkpoint, TrainState, save_checkpoint
from apsi.config.schema import TrainSettings
from apsi.juror.base import Juror
from apsi.photo.write import link_or_copy
from apsi.tracking.run_folder import RunFolder
from apsi.train.run_state import run_state


@dataclass(frozen=True)
class CheckpointWriter:
    """Writes the checkpoints of a run; the rest of what they hold does not change."""

    folder: RunFolder
    settings: TrainSettings
    model: BaseAlgorithm
    cached_juror: Juror
    config: DictConfig
    actions: Sequence[str]
    juror_parameters: bytes | None
    second_juror_parameters: bytes | None = None

    def save(self, state: TrainState, is_best: bool, stays: bool) -> None:
        """Writes the last checkpoint; also as the best one, and as one that stays, where it is one."""
        last = self.folder.last_checkpoint
        fitted = (self.juror_parameters, self.second_juror_parameters)
        content = Checkpoint(last, self.config, list(self.actions), state, *fitted)
        if is_best:  # first, since the last one says how good it is; without what only going on needs, which is large
            save_checkpoint(self.folder.best_checkpoint, self.model, content)
        step, run = self.folder.step_checkpoint(state.timesteps), run_state(self.model, self.cached_juror)
        save_checkpoint(step if stays else last, self.model, content, run)
        if stays:
            link_or_copy(step, last)
            self._clear()

    def _clear(self) -> None:
        """Deletes all but the latest of those that stay."""
        if self.settings.keep_at_most is not None:
            for path in self.folder.step_checkpoints[: -self.settings.keep_at_most]:
                path.unlink()
