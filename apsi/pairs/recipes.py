"""Two edits of one photo."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.pairs.base import Candidate, PairContext, PairSource, SortedPhoto, round_by_round
from apsi.preference.pair import Version
from apsi.transform.adjust import Adjust
from apsi.types import Fraction, PositiveFraction

_TRIES = 20


@dataclass(frozen=True)
class Recipes(PairSource):
    """Two edits of light and colour, drawn for each photo, or one and the photo as it is."""

    strengths: Mapping[str, PositiveFraction]
    """of each adjustment that may be made, the strongest that is drawn, in either direction"""
    max_steps: PositiveInt
    """adjustments of one version, at most"""
    untouched: Fraction
    """share of pairs in which one of the two is the photo as it is"""
    least: PositiveFraction
    """difference of two strengths of an adjustment, as a share of its strongest, below which nobody would tell"""

    def __post_init__(self) -> None:
        if not self.strengths:
            raise ApsiError("pairs.strengths names no adjustment: pairs.strengths={exposure:0.5}")
        for name, strength in self.strengths.items():
            Adjust(name, strength)

    def candidates(self, context: PairContext) -> Iterator[Candidate]:
        def draw(photo: SortedPhoto, number: int) -> tuple[Version, Version] | None:
            rng = np.random.default_rng(context.seed_of(photo, number))
            for _ in range(_TRIES):
                first, second = self._recipe(rng), self._recipe(rng)
                if rng.random() < self.untouched:
                    first = {}
                if self._differ(first, second):
                    return photo.version(_labels(first)), photo.version(_labels(second))
            return None

        return round_by_round(context, draw)

    def _recipe(self, rng: np.random.Generator) -> dict[str, float]:
        count = int(rng.integers(1, min(self.max_steps, len(self.strengths)) + 1))
        names = rng.choice(list(self.strengths), size=count, replace=False).tolist()
        return {name: round(float(rng.uniform(-1, 1)) * self.strengths[name], 3) for name in sorted(names)}

    def _differ(self, first: dict[str, float], second: dict[str, float]) -> bool:
        return any(
            abs(first.get(name, 0.0) - second.get(name, 0.0)) >= self.least * most
            for name, most in self.strengths.items()
        )


def _labels(strengths: dict[str, float]) -> list[str]:
    return [Adjust(name, strength).label for name, strength in strengths.items() if strength]
