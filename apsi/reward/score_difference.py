"""What the score gained."""

from dataclasses import dataclass

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition


@dataclass(frozen=True)
class ScoreDifference(Reward):
    """s' - s, plus a fixed bonus when an episode ends in success. The sum over an episode is its gain."""

    bonus: float = 0.0

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        return t.after - t.before + self.bonus * (t.ended & t.success)
