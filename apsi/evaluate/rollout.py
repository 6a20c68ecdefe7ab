"""Playing given episodes to their end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from apsi.env.core import END, Components, EditCore
from apsi.photo import Photo
from apsi.photo.prepared import Episode, PhotoStore
from apsi.policy.base import Policy


@dataclass(frozen=True)
class Frame:
    """A photo on its way through an episode."""

    photo: Photo
    label: str
    """the transform that led here; empty at the start"""
    score: float


@dataclass(frozen=True)
class EpisodeResult:
    """How one episode went."""

    episode: Episode
    actions: tuple[str, ...]
    final_score: float
    success: bool
    steps: int
    juror_calls: int
    frames: tuple[Frame, ...]
    """every state of the photo, where pictures were asked for"""

    @property
    def gain(self) -> float:
        """Final minus start score."""
        return self.final_score - self.episode.start_score


class _InOrder:
    def __init__(self, episodes: Sequence[Episode]) -> None:
        self._episodes = iter(episodes)

    def next(self) -> Episode:
        return next(self._episodes)

    def reseed(self, seed: int) -> None:
        """The order is given."""


def roll_out(
    policy: Policy,
    components: Components,
    episodes: Sequence[Episode],
    *,
    batch_size: int,
    store: PhotoStore,
    pictures: int = 0,
) -> Iterator[EpisodeResult]:
    """Plays the episodes in order, `batch_size` side by side, and yields their results in order.

    Args:
        policy: who chooses the actions.
        components: goal, actions, reward and juror.
        episodes: where to begin.
        batch_size: episodes side by side.
        store: reads the photos.
        pictures: for so many episodes, the first ones, every state of the photo is kept.
    """
    for start in range(0, len(episodes), batch_size):
        batch = episodes[start : start + batch_size]
        yield from _play(policy, components, batch, store, pictures - start)


def _play(
    policy: Policy, components: Components, episodes: Sequence[Episode], store: PhotoStore, pictures: int
) -> list[EpisodeResult]:
    core = EditCore(components, _InOrder(episodes), len(episodes), store)
    core.reset()
    n = core.n
    labels: list[list[str]] = [[] for _ in range(n)]
    frames = [[Frame(core.photos[i], "", core.scores[i])] if i < pictures else [] for i in range(n)]
    results: dict[int, EpisodeResult] = {}
    asked = np.zeros(n, dtype=np.int64)
    active = list(range(n))
    while active:
        actions = np.full(n, END, dtype=np.int64)
        choice = policy.choose(core, active)
        actions[active], asked[active] = choice.actions, asked[active] + choice.juror_calls
        outcome = core.step(actions)
        for i in active:
            action = int(actions[i])
            if action not in (END, core.actions.stop):
                labels[i].append(core.actions[action].label)
                if i < pictures:
                    frames[i].append(Frame(core.photos[i], labels[i][-1], core.scores[i]))
            if outcome.done[i]:
                results[i] = EpisodeResult(
                    episodes[i],
                    tuple(labels[i]),
                    float(core.scores[i]),
                    bool(outcome.success[i]),
                    len(labels[i]),
                    int(core.juror_calls[i] + asked[i]),
                    tuple(frames[i]),
                )
        active = [i for i in active if i not in results]
    return [results[i] for i in range(n)]
