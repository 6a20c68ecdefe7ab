"""Gain in score, less a cost for each step and for distance from the original."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import NonNegativeFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class MultiObjective(Reward):
    """score * (s' - s) - step_cost for every step but STOP - distance * (d' - d), plus the bonus.

    d is the mean absolute difference from the original, in [0, 1]. With `juror=mix` the score is a weighted mean.
    """

    bonus: Bonus
    score: NonNegativeFloat
    step_cost: NonNegativeFloat
    distance: NonNegativeFloat

    needs_distance: ClassVar[bool] = True

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        if t.distance_before is None or t.distance_after is None:
            raise ValueError("reward multi_objective has to know the distances from the originals")
        gain = self.score * (t.after - t.before) - self.distance * (t.distance_after - t.distance_before)
        return gain - self.step_cost * ~t.stopped + self.bonus(t)
