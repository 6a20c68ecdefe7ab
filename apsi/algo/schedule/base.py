"""The schedule contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import NonNegativeInt

_LEAST = 0.01
"""Where a warm-up begins"""


@dataclass(frozen=True)
class Schedule(ABC):
    """Multiplies the learning rate over the course of training."""

    warmup_steps: NonNegativeInt | None = field(default=None, kw_only=True)
    """environment steps in which the learning rate rises linearly, before all else"""

    @abstractmethod
    def factor(self, done: float) -> float:
        """The multiple of the learning rate when this share of training is done, in [0, 1]."""

    def report(self, figure: float) -> None:  # noqa: B027 - most ignore it
        """Takes note of the agent's figure on the validation split, the one by which the environment ranks agents."""

    def warmed_up(self, steps: int) -> Callable[[float], float]:
        """`factor` with the warm-up, in a training of so many environment steps."""
        share = (self.warmup_steps or 0) / steps
        return lambda done: ramp(done, share) * self.factor(done)

    def of(self, learning_rate: float, steps: int) -> Callable[[float], float]:
        """A schedule as Stable-Baselines3 wants it: of the share of training that remains.

        Args:
            learning_rate: that is multiplied.
            steps: of the environments, in the whole training.
        """
        factor = self.warmed_up(steps)
        return lambda remaining: learning_rate * factor(min(1.0, max(0.0, 1 - remaining)))


def ramp(done: float, share: float) -> float:
    """A straight line up to 1 at `share` of training; it does not begin at 0, where nothing would be learned."""
    return max(done / share, _LEAST) if done < share else 1.0
