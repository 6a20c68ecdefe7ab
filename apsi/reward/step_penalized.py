"""What the score gained, less the effort."""

from dataclasses import dataclass

from pydantic import NonNegativeFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class StepPenalized(Reward):
    """s' - s, less a penalty for every step but STOP, plus the bonus."""

    bonus: Bonus
    penalty: NonNegativeFloat

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        return t.after - t.before - self.penalty * ~t.stopped + self.bonus(t)
