"""The reward of the RL guide."""

from dataclasses import dataclass

from pydantic import NonNegativeFloat

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus


@dataclass(frozen=True)
class RlGuide(Reward):
    """s' - s - step_penalty, plus the bonus, plus terminal_bonus when the episode ends with s' at least the target.

    A photo that nobody degraded has reached its target at the start, so s' has to be above the start score, too:
    stopping at once earns nothing.
    """

    bonus: Bonus
    step_penalty: NonNegativeFloat
    terminal_bonus: float

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        reached = t.ended & (t.after >= t.target) & (t.after > t.start + t.tolerance)
        return t.after - t.before - self.step_penalty + self.terminal_bonus * reached + self.bonus(t)
