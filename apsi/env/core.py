"""The editing core: N episodes stepped together, all changed photos scored in one juror call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from apsi.env.base import Goal
from apsi.juror.base import Juror
from apsi.photo import Bools, Floats, Ints, Photo
from apsi.photo.prepared import Episode, PhotoStore
from apsi.photo.resize import resize
from apsi.reward.base import Reward, Transition
from apsi.transform.action_set import ActionSet

END = -1
"""Ends an episode as it is without an action: what a policy that is done says where the agent has no STOP."""


class EpisodeSource(Protocol):
    """Where the core gets its next episode from."""

    def next(self) -> Episode: ...

    def reseed(self, seed: int) -> None: ...


@dataclass(frozen=True)
class StepResult:
    """Outcome of one step of N episodes, before any of them is reset."""

    rewards: Floats
    terminated: Bools
    truncated: Bools
    success: Bools

    @property
    def done(self) -> Bools:
        """Over for either reason, `(N,)`."""
        return self.terminated | self.truncated


@dataclass(frozen=True)
class Components:
    """What an editing core is made of, shared by training and evaluation."""

    goal: Goal
    actions: ActionSet
    reward: Reward
    juror: Juror


class EditCore:
    """N episodes side by side; the faces decide when an ended one is reset."""

    def __init__(self, components: Components, source: EpisodeSource, n: int, store: PhotoStore) -> None:
        self.goal, self.actions = components.goal, components.actions
        self.n = n
        self._reward, self._juror = components.reward, components.juror
        self._source, self._store = source, store
        self.episodes: list[Episode] = []
        self.photos: list[Photo] = []
        self.start, self.target, self.scores, self.lowest = (np.zeros(n) for _ in range(4))
        self.steps: Ints = np.zeros(n, dtype=np.int64)
        self.juror_calls: Ints = np.zeros(n, dtype=np.int64)

    def reseed(self, seed: int) -> None:
        """Lets the order of the coming episodes depend on this seed."""
        self._source.reseed(seed)

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Begins new episodes at these indices, or at all."""
        if indices is None:
            self.episodes = [self._source.next() for _ in range(self.n)]
            self.photos = [self._store.read(episode.photo) for episode in self.episodes]
            indices = range(self.n)
        else:
            for i in indices:
                self.episodes[i] = self._source.next()
                self.photos[i] = self._store.read(self.episodes[i].photo)
        for i in indices:
            self.start[i] = self.scores[i] = self.lowest[i] = self.episodes[i].start_score
            self.target[i] = self.episodes[i].target_score
            self.steps[i] = self.juror_calls[i] = 0

    def step(self, actions: Ints) -> StepResult:
        """Applies one action to every episode.

        Args:
            actions: `(N,)` indices into the action set, or `END`.
        """
        stopped = actions == END
        if self.actions.stop is not None:
            stopped |= actions == self.actions.stop
        changed = np.flatnonzero(~stopped)
        for i in changed:
            self.photos[i] = self.actions[int(actions[i])](self.photos[i])
        before = self.scores.copy()
        if len(changed):
            self.scores[changed] = self._juror.score([self.photos[i] for i in changed])
        self.juror_calls[changed] += 1
        self.steps += 1
        self.lowest = np.minimum(self.lowest, self.scores)

        success = self.goal.success(self.start, self.target, self.scores)
        terminated = stopped | self.goal.reached(self.start, self.target, self.scores)
        truncated = ~terminated & (self.steps >= self.goal.max_steps)
        transition = Transition(
            before=before,
            after=self.scores.copy(),
            start=self.start.copy(),
            target=self.target.copy(),
            lowest=self.lowest.copy(),
            step=self.steps.copy(),
            stopped=stopped,
            ended=terminated | truncated,
            success=success,
        )
        return StepResult(self._reward(transition), terminated, truncated, success)

    def observe(self, indices: Sequence[int] | None = None) -> npt.NDArray[np.uint8]:
        """What the agent sees of these episodes, or of all: `(n, 3, h, w)` `uint8` RGB."""
        photos = self.photos if indices is None else [self.photos[i] for i in indices]
        return observe(photos, self.goal)


def observe(photos: Sequence[Photo], goal: Goal) -> npt.NDArray[np.uint8]:
    """Photos as observations `(n, 3, h, w)` `uint8` RGB."""
    height, width = goal.observation_size
    observations = np.empty((len(photos), 3, height, width), np.uint8)
    for i, photo in enumerate(photos):
        observations[i] = resize(photo, width, height).transpose(2, 0, 1)
    return observations
