"""What is being edited: an original, the recipe so far, and the view of it that the juror and the agent get."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from apsi.juror.framed import FramedPhoto
from apsi.photo import Photo, require_photo
from apsi.photo.box import WHOLE, Box
from apsi.photo.resample import resample
from apsi.state import State
from apsi.transform.action_set import ActionSet, require_discrete
from apsi.transform.recipe import Recipe

Observation = npt.NDArray[np.uint8]
"""One photo as the agent sees it, `(3, h, w)` `uint8` RGB"""


@dataclass(frozen=True, eq=False)
class EditState(ABC):
    """A photo at one point of an episode. It never changes, so a search may branch from it.

    Nobody else applies actions to the photos of an episode: policies, algorithms and the core ask for `apply` and
    `outcomes`. What an edit means, what the juror is shown and how an observation is made of it is this class's choice.
    `Objective.begin` makes the first state of an episode.
    """

    original: Photo
    """with which the episode began; never changed"""
    actions: ActionSet
    observation_size: tuple[int, int]
    """height and width in pixels"""
    recipe: Recipe
    """makes `view` of `original`"""

    @property
    @abstractmethod
    def view(self) -> Photo:
        """The photo as edited so far, which the juror scores; not to be written to."""

    @property
    def box(self) -> Box:
        """The part of the original that `view` shows."""
        return WHOLE

    @property
    def framed(self) -> FramedPhoto:
        """What the juror scores: `view`, and what it is a part of."""
        return FramedPhoto(self.view)

    @property
    def picture(self) -> Photo:
        """What people are shown."""
        return self.view

    def same_part(self, photo: Photo) -> Photo:
        """Of another photo, as large as the original, what `view` would show if nothing but its frame were changed."""
        return photo

    @abstractmethod
    def play(self, recipe: Recipe) -> Self:
        """The state after further edits, which may be none of `actions`."""

    @abstractmethod
    def replayed(self, recipe: Recipe) -> Self:
        """The state of the same original whose `recipe` this is, whatever was done so far."""

    def apply(self, action: Any) -> Self:
        """The state after an action of `actions` that is neither STOP nor END."""
        return self.play(self.actions.recipe(action))

    def outcomes(self) -> list[Self]:
        """The states after each discrete action but STOP, which edits nothing, in the order of the actions.

        Raises:
            ApsiError: the actions are continuous.
        """
        return [self.apply(action) for action in range(len(require_discrete(self.actions, "trying all").transforms))]

    @abstractmethod
    def observe(self) -> Observation:
        """What the agent sees of it; may share memory with `view`."""

    @abstractmethod
    def state(self) -> State:
        """What a state that begins with the same original lacks; arrays are not copied."""

    @abstractmethod
    def restored(self, state: State) -> Self:
        """The state with this `state()` and the original, actions and observation size of this one.

        Raises:
            KeyError, TypeError, ValueError: it does not fit.
            ApsiError: its recipe has unknown transforms.
        """


@dataclass(frozen=True, eq=False)
class PixelEdits(EditState):
    """Every action changes the pixels that the one before it left, at the size of the original."""

    pixels: Photo

    @classmethod
    def begin(cls, photo: Photo, actions: ActionSet, observation_size: Sequence[int]) -> Self:
        """A photo that nothing was done to yet."""
        height, width = observation_size
        return cls(photo, actions, (height, width), Recipe(), photo)

    @classmethod
    def of_observation(cls, observation: Observation, actions: ActionSet) -> Self:
        """An observation as the photo that is edited."""
        return cls.begin(np.ascontiguousarray(observation.transpose(1, 2, 0)), actions, observation.shape[1:])

    @property
    def view(self) -> Photo:
        return self.pixels

    def play(self, recipe: Recipe) -> Self:
        whole = Recipe(self.recipe.transforms + recipe.transforms)
        return type(self)(self.original, self.actions, self.observation_size, whole, recipe(self.pixels))

    def replayed(self, recipe: Recipe) -> Self:
        return type(self).begin(self.original, self.actions, self.observation_size).play(recipe)

    def observe(self) -> Observation:
        height, width = self.observation_size
        return resample(self.pixels, width, height).transpose(2, 0, 1)

    def state(self) -> State:
        return {"photo": self.pixels, "recipe": self.recipe.labels}

    def restored(self, state: State) -> Self:
        pixels, recipe = require_photo(state["photo"]), Recipe.of(state["recipe"])
        return type(self)(self.original, self.actions, self.observation_size, recipe, pixels)


def observe(states: Sequence[EditState]) -> Observation:
    """What the agent sees of one or more states alike, `(n, 3, h, w)` `uint8` RGB."""
    first = states[0].observe()
    observations = np.empty((len(states), *first.shape), np.uint8)
    observations[0] = first
    for i, state in enumerate(states[1:], 1):
        observations[i] = state.observe()
    return observations
