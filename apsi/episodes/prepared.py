"""Prepared photos in random order."""

from apsi.episodes.base import EpisodeContext, EpisodeSource, Start
from apsi.state import State


class PreparedEpisodes(EpisodeSource):
    """All episodes of the prepared split in random order, then again in another."""

    def __init__(self, context: EpisodeContext) -> None:
        super().__init__(context)
        self._order: list[int] = []

    def reseed(self, seed: int) -> None:
        super().reseed(seed)
        self._order = []

    def state(self) -> State:
        return super().state() | {"order": self._order}

    def restore(self, state: State) -> None:
        super().restore(state)
        if not set(state["order"]) <= set(range(len(self.context.split.episodes))):
            raise ValueError("there are fewer episodes now")
        self._order = list(state["order"])

    def draw(self, count: int) -> list[Start]:
        return [self._next() for _ in range(count)]

    def _next(self) -> Start:
        episodes = self.context.split.episodes
        if not self._order:
            self._order = self.rng.permutation(len(episodes)).tolist()
        return Start.of(episodes[self._order.pop()], self.context.store)
