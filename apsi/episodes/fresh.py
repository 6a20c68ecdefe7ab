"""Photos cut, mirrored and degraded on the fly."""

from pathlib import Path

import numpy as np

from apsi.episodes.base import EpisodeContext, EpisodeSource, Start, given
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.resample import resample
from apsi.transform.recipe import Recipe
from apsi.types import Fraction, PositiveFraction

_TRIES = 20


class FreshEpisodes(EpisodeSource):
    """Every episode is a new part of an undegraded photo of the split, mirrored every other time, degraded anew.

    A degraded photo that scores no worse than its original is not an episode, as in the prepared ones, unless the
    context keeps all. Algorithms that degrade photos themselves have a share of undegraded ones of their own.
    """

    def __init__(
        self, context: EpisodeContext, min_scale: PositiveFraction, turns: bool = False, undegraded: Fraction = 0.0
    ) -> None:
        """Takes the originals of the split.

        Args:
            context: where the photos come from and what is done to them.
            min_scale: shortest side of a part, as a share of the photo's.
            turns: whether parts are also turned by quarters, by half where they are not square: of few photos more is
                learned where the edits don't mind which way is up.
            undegraded: share of the episodes whose photo is not degraded, and to be left alone.

        Raises:
            ApsiError: `min_scale` is not in (0, 1], or `undegraded` not in [0, 1].
        """
        super().__init__(context)
        if not 0 < min_scale <= 1:
            raise ApsiError(f"episodes.min_scale={min_scale} must be above 0 and at most 1")
        if not 0 <= undegraded <= 1:
            raise ApsiError(f"episodes.undegraded={undegraded} must be from 0 to 1")
        self._min_scale, self._turns, self._undegraded = min_scale, turns, undegraded
        self._sources = {episode.original: episode.source for episode in context.split.episodes}
        self._originals = sorted(self._sources)

    def draw(self, count: int) -> list[Start]:
        found: list[Start] = []
        for _ in range(_TRIES):
            made = [self._degraded() for _ in range(count - len(found))]
            views = [self.context.first_view(photo) for pair in made for photo in pair[:2]]
            scores = self.context.juror.score_framed(views).reshape(-1, 2).tolist()
            for (original, photo, recipe, source), (target, score) in zip(made, scores, strict=True):
                if self.context.keep_all or score < target - self.context.juror.tolerance or not len(recipe):
                    found.append(Start(photo, given(original), score, target, tuple(recipe.labels), source))
            if len(found) == count:
                return found
        raise ApsiError(
            f"of {_TRIES * count} freshly degraded photos fewer than {count} scored worse than their originals: "
            "choose another degradation or juror"
        )

    def cut(self) -> Photo:
        """A random part of a random original, in the original's size."""
        return self._cut(self._pick())

    def _pick(self) -> Path:
        return self._originals[int(self.rng.integers(len(self._originals)))]

    def _cut(self, path: Path) -> Photo:
        photo = self.context.store.read(path)
        h, w = photo.shape[:2]
        scale = self.rng.uniform(self._min_scale, 1)
        part_h, part_w = max(1, round(scale * h)), max(1, round(scale * w))
        top, left = int(self.rng.integers(h - part_h + 1)), int(self.rng.integers(w - part_w + 1))
        part = photo[top : top + part_h, left : left + part_w]
        whole = resample(part[:, ::-1] if self.rng.random() < 0.5 else part, w, h)
        if not self._turns:
            return whole
        quarters = int(self.rng.integers(4)) if w == h else 2 * int(self.rng.integers(2))
        return np.ascontiguousarray(np.rot90(whole, quarters))

    def recipe(self) -> Recipe:
        """What to do to the next photo."""
        return self.context.degradation.sample(self.rng)

    def _degraded(self) -> tuple[Photo, Photo, Recipe, str]:
        path = self._pick()
        is_left = self._undegraded > 0 and self.rng.random() < self._undegraded
        original, recipe = self._cut(path), Recipe() if is_left else self.recipe()
        return original, np.ascontiguousarray(recipe(original)), recipe, self._sources[path]
