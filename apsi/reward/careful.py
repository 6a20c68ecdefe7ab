"""What the score gained, less what was done to the photo for it."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import NonNegativeFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class Careful(Reward):
    """s' - s - change * (c' - c) - clipping * (k' - k), plus the bonus.

    c is the mean absolute difference from the photo with which the episode began, in [0, 1], k the share of the pixels
    that are clipped and were not then. Without a bonus, the sum over an episode is its gain less what its end costs, so
    that an edit pays only if the juror gives more for it.
    """

    bonus: Bonus
    change: NonNegativeFloat
    clipping: NonNegativeFloat

    needs_change: ClassVar[bool] = True

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        if t.change_before is None or t.change_after is None or t.clipped_before is None or t.clipped_after is None:
            raise ValueError("reward careful has to know how far the photos are from their starts")
        cost = self.change * (t.change_after - t.change_before) + self.clipping * (t.clipped_after - t.clipped_before)
        return t.after - t.before - cost + self.bonus(t)
