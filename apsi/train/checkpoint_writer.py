"""Which checkpoints a run writes, and which of them it keeps."""

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
    """Writes the checkpoints of a run; its fields are what is the same in all of them."""

    folder: RunFolder
    settings: TrainSettings
    model: BaseAlgorithm
    cached_juror: Juror
    config: DictConfig
    actions: Sequence[str]
    juror_parameters: bytes | None
    second_juror_parameters: bytes | None = None

    def save(self, state: TrainState, is_best: bool, is_kept: bool) -> None:
        """Writes the last checkpoint, also as the best one (`is_best`) and as one that is kept (`is_kept`)."""
        last = self.folder.last_checkpoint
        fitted = (self.juror_parameters, self.second_juror_parameters)
        content = Checkpoint(last, self.config, list(self.actions), state, *fitted)
        if is_best:  # before the last one, which records how good it is; without the state of the run, which is large
            save_checkpoint(self.folder.best_checkpoint, self.model, content)
        step, run = self.folder.step_checkpoint(state.timesteps), run_state(self.model, self.cached_juror)
        save_checkpoint(step if is_kept else last, self.model, content, run)
        if is_kept:
            link_or_copy(step, last)
            self._delete_old()

    def _delete_old(self) -> None:
        """Deletes all but the latest `keep_at_most` of those that are kept."""
        if self.settings.keep_at_most is not None:
            for path in self.folder.step_checkpoints[: -self.settings.keep_at_most]:
                path.unlink()
