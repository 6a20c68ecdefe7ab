"""What the score gained, within limits."""

from dataclasses import dataclass

import numpy as np
from pydantic import PositiveFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class ClippedDifference(Reward):
    """clip(s' - s, -limit, limit), plus the bonus: no single step outweighs the rest."""

    bonus: Bonus
    limit: PositiveFloat

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        return np.clip(t.after - t.before, -self.limit, self.limit) + self.bonus(t)
