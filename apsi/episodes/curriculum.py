"""Harder photos as the agent gets better."""

import logging
from collections import deque

from pydantic import PositiveInt

from apsi.degradation.base import draw_irreducible
from apsi.episodes.base import EpisodeContext
from apsi.episodes.fresh import FreshEpisodes
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.state import State
from apsi.transform.recipe import Recipe
from apsi.types import PositiveFraction

log = logging.getLogger(__name__)


class CurriculumEpisodes(FreshEpisodes):
    """Fresh episodes degraded by 1 to `level` transforms; the level rises by one with each rate of success reached."""

    def __init__(
        self,
        context: EpisodeContext,
        *,
        min_scale: PositiveFraction,
        turns: bool = False,
        labels: list[str],
        n_max: PositiveInt,
        success_rate: PositiveFraction,
        window: PositiveInt,
    ) -> None:
        """Begins at level 1.

        Args:
            context: where the photos come from; its degradation is not used.
            min_scale: shortest side of a part, as a share of the photo's.
            turns: whether parts are also turned by quarters.
            labels: transforms to degrade with.
            n_max: highest level.
            success_rate: share of the last `window` episodes that must succeed.
            window: episodes.

        Raises:
            ApsiError: no transform to degrade with.
        """
        if not labels:
            raise ApsiError(
                "episodes.labels=[] must name one transform or more: unless you name them they are those of "
                "transform=, and the one that is chosen has none; name some, or choose episodes=fresh"
            )
        super().__init__(context, min_scale, turns)
        self._labels, self._n_max = labels, n_max
        self._success_rate, self._window = success_rate, window
        self._latest: deque[bool] = deque(maxlen=window)
        self.level = 1

    def reseed(self, seed: int) -> None:
        super().reseed(seed)
        self.level = 1
        self._latest.clear()

    def state(self) -> State:
        return super().state() | {"level": self.level, "latest": list(self._latest)}

    def restore(self, state: State) -> None:
        super().restore(state)
        self.level = min(int(state["level"]), self._n_max)
        self._latest = deque(state["latest"], maxlen=self._window)

    def recipe(self) -> Recipe:
        length = int(self.rng.integers(1, self.level, endpoint=True))
        return draw_irreducible(self._labels, length, self.rng)

    def on_episode_end(self, success: Bools) -> bool:
        self._latest.extend(success.tolist())
        full = len(self._latest) == self._window
        rises = full and self.level < self._n_max and sum(self._latest) >= self._success_rate * self._window
        if rises:
            self.level += 1
            self._latest.clear()
            log.info("Curriculum: level %d of %d", self.level, self._n_max)
        return rises
