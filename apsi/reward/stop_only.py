"""Rewards that are zero until the end."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import NonNegativeFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class StopOnly(Reward):
    """0 until the agent stops or its objective is reached, and 0 for an episode that is cut off.

    Then the gain of the whole episode, less a penalty for each step, plus the bonus.
    """

    bonus: Bonus
    penalty: NonNegativeFloat

    needs_stop: ClassVar[bool] = True
    cut_is_final: ClassVar[bool] = True

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        if t.truncated is None:
            raise ValueError("a reward at the end only needs to know which episodes are cut off")
        concluded = t.ended & ~t.truncated
        return np.where(concluded, self.gain(t.start, t.after) - self.penalty * t.step + self.bonus(t), 0.0)

    @abstractmethod
    def gain(self, start: Floats, final: Floats) -> Floats:
        """Gain of an episode from score `start` to `final`; positive where the photo got better."""


@dataclass(frozen=True)
class StopOnlyPlain(StopOnly):
    """s' - s0 at the end."""

    def gain(self, start: Floats, final: Floats) -> Floats:
        return final - start


@dataclass(frozen=True)
class StopOnlyQuadratic(StopOnly):
    """s'^2 - s0^2 at the end: a point more is worth more on a good photo."""

    def gain(self, start: Floats, final: Floats) -> Floats:
        return final**2 - start**2
