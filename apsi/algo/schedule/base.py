"""The schedule contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule(ABC):
    """Multiplies the learning rate over the course of training."""

    @abstractmethod
    def factor(self, done: float) -> float:
        """The multiple of the learning rate when this share of training is done, in [0, 1]."""

    def report(self, figure: float) -> None:  # noqa: B027 - most ignore it
        """Takes note of the agent's figure on the validation split, the one by which the environment ranks agents."""

    def of(self, learning_rate: float) -> Callable[[float], float]:
        """A schedule as Stable-Baselines3 wants it: of the share of training that remains."""
        return lambda remaining: learning_rate * self.factor(min(1.0, max(0.0, 1 - remaining)))
