"""Gain in score, less costs for each step, for distance from the original, and for the same edit again."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import NonNegativeFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class MultiObjective(Reward):
    """score * (s' - s) - step_cost for every step but STOP - distance * (d' - d) - diversity * r, plus the bonus.

    d is the mean absolute difference from the original, in [0, 1]; r is 1 where a step makes an edit of a kind that
    the episode already had, such as exposure, whatever its strength. With `juror=mix` the score is a weighted mean.
    """

    bonus: Bonus
    score: NonNegativeFloat
    step_cost: NonNegativeFloat
    distance: NonNegativeFloat
    diversity: NonNegativeFloat = 0.0

    needs_distance: ClassVar[bool] = True

    @property
    def needs_repeats(self) -> bool:
        return self.diversity > 0

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        if t.distance_before is None or t.distance_after is None:
            raise ValueError("reward multi_objective has to know the distances from the originals")
        gain = self.score * (t.after - t.before) - self.distance * (t.distance_after - t.distance_before)
        reward = gain - self.step_cost * ~t.stopped + self.bonus(t)
        if not self.diversity:
            return reward
        if t.repeated is None:
            raise ValueError("reward multi_objective has to know which steps repeat an edit")
        return reward - self.diversity * t.repeated
