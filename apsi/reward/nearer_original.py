"""How much nearer a step came to the true photo."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class NearerOriginal(Reward):
    """scale * (d - d'), plus the bonus, where d is the mean absolute difference from the original, in [0, 1].

    Without a bonus, the sum over an episode is how much nearer it ended. The juror has no say.
    """

    bonus: Bonus
    scale: PositiveFloat

    needs_distance: ClassVar[bool] = True

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        if t.distance_before is None or t.distance_after is None:
            raise ValueError("reward nearer_original has to know the distances from the originals")
        return self.scale * (t.distance_before - t.distance_after) + self.bonus(t)
