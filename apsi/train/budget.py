"""How long a run trains: steps, episodes or epochs, and what follows from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from apsi.config.schema import training_budget


class BudgetSpent(Exception):  # noqa: N818 - nothing went wrong
    """The run has trained as long as it was to."""


@dataclass
class Budget:
    """How long a run trains; intervals between validations and checkpoints are counted in the same unit."""

    total: int
    """in units"""
    size: int = 1
    """environment steps, or episodes, of a unit"""
    in_episodes: bool = False
    episodes: int = 0
    """that have ended so far, those before a resumption among them"""

    @classmethod
    def of(cls, train: Any, split_size: int) -> "Budget":
        """What `TrainSettings` say; an epoch is as many episodes as the training split has."""
        total, unit = training_budget(train)
        return cls(total, split_size if unit == "epochs" else 1, in_episodes=unit != "environment steps")

    def most_steps(self, max_steps: int) -> int:
        """Environment steps that it comes to, where it is counted in episodes at most."""
        return self.total * self.size * (max_steps if self.in_episodes else 1)

    def units(self, timesteps: int, episodes: int) -> int:
        """Whole units in so many steps or episodes."""
        return (episodes if self.in_episodes else timesteps) // self.size

    def done(self, timesteps: int) -> float:
        """The share of it that is spent after so many steps, in [0, 1]."""
        spent = self.episodes if self.in_episodes else timesteps
        return min(1.0, spent / max(1, self.total * self.size))

    def is_spent(self, timesteps: int) -> bool:
        """Whether nothing of it is left."""
        return self.units(timesteps, self.episodes) >= self.total


class EpisodesCallback(BaseCallback):
    """Counts episodes; with a budget of them, ends the training and says what share of it is done.

    Stable-Baselines3 reckons in steps alone: learning rates, clip ranges and exploration all follow from one number of
    the model, which is set by one of its methods.
    """

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def _on_training_start(self) -> None:
        if self._budget.in_episodes:
            model: Any = self.model
            model._update_current_progress_remaining = self._set_progress  # noqa: SLF001 - no public way

    def _set_progress(self, timesteps: int, _: int) -> None:
        model: Any = self.model
        model._current_progress_remaining = 1 - self._budget.done(timesteps)  # noqa: SLF001 - likewise

    def _on_step(self) -> bool:
        self._budget.episodes += int(np.sum(self.locals["dones"]))
        return True

    def _on_rollout_start(self) -> None:
        if self._budget.in_episodes and self._budget.is_spent(self.num_timesteps):
            raise BudgetSpent
