"""A photo to build a model with that is only to act."""

from apsi.env.base import Objective
from apsi.episodes.base import OUT_OF_REACH, EpisodeSource, Start, given


class Trial(EpisodeSource):
    """The trial photo of an environment, again and again."""

    def __init__(self, objective: Objective) -> None:
        self._photo = objective.trial_photo()

    def draw(self, count: int) -> list[Start]:
        return [Start(self._photo, given(self._photo), 0.0, OUT_OF_REACH, ()) for _ in range(count)]
