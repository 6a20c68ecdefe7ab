"""What the score gained."""

from dataclasses import dataclass

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
