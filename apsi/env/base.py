"""The objective of an episode: when it has succeeded, when it is over."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt

from apsi.env.edit_state import EditState, Observation, PixelEdits
from apsi.errors import ApsiError, did_you_mean
from apsi.juror.framed import FramedPhoto
from apsi.photo import Bools, Floats, Photo
from apsi.reward.base import Transition
from apsi.transform.action_set import ActionSet

EXTRAS = ("steps_left", "score", "last_action", "box")
"""What an agent may observe beside the photo"""


@dataclass(frozen=True)
class Objective(ABC):
    """What an environment asks of the agent; the fields hold for every objective."""

    best_by: ClassVar[str] = "success_rate"
    """figure of the validation split by which one agent is better than another"""
    achieved: ClassVar[str] = "succeeded with"
    """what a success is, as a verb of the past"""
    by_truth: ClassVar[bool] = False
    """whether the originals, not the juror, say what is degraded: then every degraded photo is an episode, also one
    that the juror likes as much as its original"""
    frames: ClassVar[bool] = False
    """whether it is the crop that is chosen: then evaluations measure crops"""
    shows_cost: ClassVar[bool] = False
    """whether evaluations say what a gain cost: how far photos went from their start, and which share was clipped"""

    max_steps: PositiveInt
    """an episode is over after this many steps"""
    observation_size: list[int]
    """height and width of the observation in pixels"""
    stop: bool
    """whether STOP is the last action"""
    extras: list[str]
    """what the agent observes beside the photo, of `EXTRAS`; with any, observations are dicts"""

    def __post_init__(self) -> None:
        if self.max_steps < 1:
            raise ApsiError(f"env.max_steps={self.max_steps} must be at least 1")
        if len(self.observation_size) != 2 or min(self.observation_size) < 36:
            raise ApsiError(f"env.observation_size={self.observation_size} must be [height, width], each at least 36")
        for name in self.extras:
            if name not in EXTRAS:
                raise ApsiError(
                    f"env.extras: unknown '{name}'.{did_you_mean(name, EXTRAS)} Known: {', '.join(EXTRAS)}."
                )
        if len(set(self.extras)) < len(self.extras):
            raise ApsiError(f"env.extras={self.extras} must name each once")

    @property
    def knows_time(self) -> bool:
        """Whether what the agent observes says when the episode ends: it is told the steps left, or there is one only.

        Then the last step is the end of the task and not a limit of time.
        """
        return "steps_left" in self.extras or self.max_steps == 1

    def require_fitting(self, actions: ActionSet) -> None:  # noqa: B027 - most take any
        """Refuses actions that make no sense here.

        Raises:
            ApsiError: with what would.
        """

    def begin(self, photo: Photo, actions: ActionSet) -> EditState:
        """The first state of an episode that begins with this photo: by default its pixels are edited.

        An environment whose edits are of another kind overrides this and `from_observation`.
        """
        return PixelEdits.begin(photo, actions, self.observation_size)

    def first_view(self, photo: Photo) -> FramedPhoto:
        """What the juror gets of a photo to which nothing was done: that is its start score, or its target."""
        return FramedPhoto(photo)

    def trial_photo(self) -> Photo:
        """A made photo, `(h, w, 3)` `uint8`, with which it can be tried whether everything fits together."""
        return np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

    @property
    def shows(self) -> str:
        """What `first_view` depends on beside the photo: part of the key of prepared photos; empty: nothing."""
        return ""

    def from_observation(self, observation: Observation, actions: ActionSet) -> EditState:
        """The state as far as an observation tells it, for agents that try edits on what they see."""
        return PixelEdits.of_observation(observation, actions)

    @abstractmethod
    def success(self, start: Floats, target: Floats, score: Floats) -> Bools:
        """Whether an episode that ends with these scores is a success; all shapes `(N,)`.

        Args:
            start: when it began, raised by the juror's tolerance: what is above it is better beyond rounding.
            target: of the undegraded originals, lowered by it.
            score: at the end.
        """

    @abstractmethod
    def reached(self, start: Floats, target: Floats, score: Floats) -> Bools:
        """Whether an episode is over because there is nothing left to gain; arguments as for `success`."""

    def defer(self, rewards: Floats, deferred: Floats, transition: Transition) -> tuple[Floats, Floats]:
        """Rewards paid out at this step, and those deferred to a later one; by default nothing is deferred.

        Args:
            rewards: of this step, `(N,)`.
            deferred: from earlier steps of the episodes, `(N,)`.
            transition: the step.

        Returns:
            both `(N,)`; what is still deferred when an episode ends is lost.
        """
        return rewards + deferred, np.zeros_like(deferred)
