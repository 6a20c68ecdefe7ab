"""The reward contract."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from apsi.photo import Bools, Floats, Ints


@dataclass(frozen=True)
class Transition:
    """One step of N episodes; every array has shape `(N,)`, scores are on the juror's scale 0 to 10."""

    before: Floats
    """score before the step"""
    after: Floats
    """score after it"""
    start: Floats
    """score when the episode began"""
    target: Floats
    """score of the undegraded original, less the juror's tolerance"""
    lowest: Floats
    """lowest score of the episode so far, this step included"""
    step: Ints
    """number of this step in its episode, from 1"""
    stopped: Bools
    """the agent chose STOP"""
    ended: Bools
    """the episode is over: by STOP, by reaching its objective, or at its last step"""
    success: Bools
    """the environment's success holds for `after`"""
    tolerance: float = 0.0
    """of the juror: scores that differ by no more may be of the same photo"""
    truncated: Bools | None = None
    """cut off because the steps are used up, whether or not that counts as the end of the task"""
    distance_before: Floats | None = None
    """mean absolute difference from the original in [0, 1] before the step, where the reward needs it"""
    distance_after: Floats | None = None
    """after it"""
    change_before: Floats | None = None
    """mean absolute difference from the start of the episode in [0, 1] before the step, where the reward needs it"""
    change_after: Floats | None = None
    """after it"""
    clipped_before: Floats | None = None
    """share of the pixels that were clipped before the step and not at the start, where the reward needs it"""
    clipped_after: Floats | None = None
    """after it"""
    repeated: Bools | None = None
    """the step made an edit of a kind that the episode already had, where the reward needs it"""


class Reward(ABC):
    """Turns transitions into rewards, vectorised over episodes."""

    needs_stop: ClassVar[bool] = False
    """whether it is zero until the agent stops"""
    cut_is_final: ClassVar[bool] = False
    """whether a cut-off episode has no rewards to come, so that its last state has no value to bootstrap from"""
    needs_distance: ClassVar[bool] = False
    """whether it needs the distances of a transition"""
    needs_change: ClassVar[bool] = False
    """whether it needs what was changed and clipped since the start"""

    @property
    def needs_repeats(self) -> bool:
        """Whether it needs to know which steps repeat an edit."""
        return False

    @abstractmethod
    def __call__(self, transition: Transition) -> Floats:
        """Rewards `(N,)` `float64`."""
