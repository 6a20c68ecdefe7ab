"""What the score gained in a step: as it is, within limits, less the effort."""

from dataclasses import dataclass

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class ScoreDifference(Reward):
    """s' - s, plus the bonus. Without a bonus, the sum over an episode is its gain."""

    bonus: Bonus

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        return t.after - t.before + self.bonus(t)


@dataclass(frozen=True)
class ClippedDifference(Reward):
    """clip(s' - s, -limit, limit), plus the bonus: no single step outweighs the rest."""

    bonus: Bonus
    limit: PositiveFloat

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        return np.clip(t.after - t.before, -self.limit, self.limit) + self.bonus(t)


@dataclass(frozen=True)
class StepPenalized(Reward):
    """s' - s, less a penalty for every step but STOP, plus the bonus."""

    bonus: Bonus
    penalty: NonNegativeFloat

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        return t.after - t.before - self.penalty * ~t.stopped + self.bonus(t)
