"""Planning: rewards are deferred."""

from dataclasses import dataclass

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from apsi.env.restore import Restore
from apsi.errors import ApsiError
from apsi.photo import Floats
from apsi.reward.base import Transition
from apsi.types import Fraction


@dataclass(frozen=True)
class MultiStep(Restore):
    """Repairing, where rewards are deferred: paid out after every n-th step and at the end of the episode only."""

    reward_every: PositiveInt
    """n"""
    intermediate: Fraction
    """share of each step's reward that is not deferred"""
    shaping: NonNegativeFloat
    """weight of a further reward, not deferred, the step's change of score: a potential-based shaping, which
    (undiscounted) leaves the order of policies with equal final scores as it is (Ng, Harada, Russell 1999)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reward_every < 1 or not 0 <= self.intermediate <= 1 or self.shaping < 0:
            raise ApsiError(
                f"env.reward_every={self.reward_every} must be at least 1, env.intermediate={self.intermediate} in "
                f"[0, 1] and env.shaping={self.shaping} not negative"
            )

    def defer(self, rewards: Floats, deferred: Floats, transition: Transition) -> tuple[Floats, Floats]:
        now = self.intermediate * rewards
        deferred = deferred + rewards - now
        is_due = transition.ended | (transition.step % self.reward_every == 0)
        shaped = self.shaping * (transition.after - transition.before)
        return now + np.where(is_due, deferred, 0.0) + shaped, np.where(is_due, 0.0, deferred)
