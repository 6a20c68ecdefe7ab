"""The contract of episode sources."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from apsi.degradation.base import Degradation
from apsi.juror.base import SCORE_MAX, Juror
from apsi.juror.framed import FramedPhoto
from apsi.photo import Bools, Photo
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit
from apsi.state import State, generator, generator_state

OUT_OF_REACH = SCORE_MAX + 1.0
"""A target score that no photo has, for episodes whose originals nobody knows"""


@dataclass(frozen=True)
class Start:
    """A photo with which an episode begins."""

    photo: Photo
    read_original: Callable[[], Photo]
    """reads the undegraded photo, which few rewards need"""
    score: float
    target: float
    """score of the undegraded photo"""
    degradation: tuple[str, ...]
    """labels of what was done to it"""
    source: str = ""
    """the file of the data set that it was made from"""

    @classmethod
    def of(cls, episode: Episode, store: PhotoStore) -> "Start":
        """A prepared episode with its photos."""
        return cls(
            store.read(episode.photo),
            partial(store.read, episode.original),
            episode.start_score,
            episode.target_score,
            episode.degradation,
            episode.source,
        )

    @property
    def original(self) -> Photo:
        """The undegraded photo; never an observation."""
        return self.read_original()

    def state(self) -> State:
        """All of it, with the photos themselves."""
        rest = {name: value for name, value in vars(self).items() if name != "read_original"}
        return rest | {"original": self.original}

    @classmethod
    def restored(cls, state: State) -> "Start":
        """The start with this state."""
        rest = {name: value for name, value in state.items() if name != "original"}
        rest["degradation"] = tuple(rest["degradation"])
        return cls(read_original=given(state["original"]), **rest)


def given(photo: Photo) -> Callable[[], Photo]:
    """A photo that is in memory, for `Start.read_original`."""
    return lambda: photo


@dataclass(frozen=True)
class EpisodeContext:
    """What an episode source may be made from."""

    split: PreparedSplit
    degradation: Degradation
    juror: Juror
    store: PhotoStore
    rng: np.random.Generator
    keep_all: bool = False
    """whether degraded photos that score no worse than their originals are episodes, too"""
    first_view: Callable[[Photo], FramedPhoto] = FramedPhoto
    """what the juror gets of a photo to which nothing was done"""


class EpisodeSource(ABC):
    """Draws episodes without end."""

    def __init__(self, context: EpisodeContext) -> None:
        self.context = context
        self.rng = context.rng

    def reseed(self, seed: int) -> None:
        """Begins anew, in a way that depends on the seed alone."""
        self.rng = np.random.default_rng(seed)

    @abstractmethod
    def draw(self, count: int) -> list[Start]:
        """The next `count` episodes."""

    def on_episode_end(self, success: Bools) -> bool:
        """Takes note of which ended episodes were a success, `(n,)`; returns whether those to come change by it."""
        return False

    def state(self) -> State:
        """Where the source stands; what a subclass adds to it, `restore` takes back."""
        return {"rng": generator_state(self.rng)}

    def restore(self, state: State) -> None:
        """Draws the episodes that the source with this state would have drawn next."""
        self.rng = generator(state["rng"])
