"""What the score gained, and a bonus that asks more of good photos."""

from dataclasses import dataclass

import numpy as np

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition


@dataclass(frozen=True)
class SigmoidBonus(Reward):
    """s' - s, plus bonus * (0.5 + sigmoid(s0 - 5)) when an episode ends in success.

    Improving a photo that was good already (start score s0 above 5) is worth up to 1.5 times the bonus, a poor one
    half of it.
    With `planned`, 1 is added where the episode went below its start before it succeeded.
    """

    bonus: float = 1.0
    planned: bool = False

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        bonus = self.bonus * (0.5 + 1 / (1 + np.exp(5 - t.start))) + self.planned * (t.lowest < t.start)
        return t.after - t.before + bonus * (t.ended & t.success)
