"""The reward of the RL guide."""

from dataclasses import dataclass

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition


@dataclass(frozen=True)
class RlGuide(Reward):
    """s' - s - step_penalty, plus terminal_bonus when the episode ends with s' at or above the target score."""

    step_penalty: float = 0.01
    terminal_bonus: float = 0.1

    def __call__(self, transition: Transition) -> Floats:
        t = transition
        reached = t.ended & (t.after >= t.target)
        return t.after - t.before - self.step_penalty + self.terminal_bonus * reached
