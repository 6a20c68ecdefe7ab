"""A further reward for success."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from apsi.photo import Floats
from apsi.reward.base import Transition


@dataclass(frozen=True)
class Bonus(ABC):
    """Added once, when an episode ends in success."""

    planned: bool
    """whether 1 more is added where the score fell below the start score before the success"""

    def __call__(self, transition: Transition) -> Floats:
        """Bonuses `(N,)`, 0 where the episode goes on or ends without success."""
        t = transition
        worth = self.worth(t.start) + self.planned * (t.lowest < t.start - t.tolerance)
        bonuses: Floats = worth * (t.ended & t.success)
        return bonuses

    @abstractmethod
    def worth(self, start: Floats) -> Floats:
        """Of a success from these start scores, `(N,)`."""


@dataclass(frozen=True)
class NoBonus(Bonus):
    """Nothing but what `planned` adds."""

    def worth(self, start: Floats) -> Floats:
        return np.zeros_like(start)


@dataclass(frozen=True)
class FixedBonus(Bonus):
    """The same for every success."""

    value: float

    def worth(self, start: Floats) -> Floats:
        return np.full_like(start, self.value)


@dataclass(frozen=True)
class SigmoidBonus(Bonus):
    """value * (0.5 + sigmoid(s0 - 5)): up to 1.5 times the value for a photo that was good, half for a poor one."""

    value: float

    def worth(self, start: Floats) -> Floats:
        return self.value * (0.5 + 1 / (1 + np.exp(5 - start)))
