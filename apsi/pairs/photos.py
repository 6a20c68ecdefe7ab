"""Two photos as they are."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from apsi.errors import ApsiError
from apsi.pairs.base import Candidate, PairContext, PairSource, SortedPhoto, round_by_round
from apsi.preference.pair import Version


@dataclass(frozen=True)
class Photos(PairSource):
    """Two photos of one split."""

    def candidates(self, context: PairContext) -> Iterator[Candidate]:
        groups: dict[str, list[SortedPhoto]] = {}
        for photo in context.photos:
            groups.setdefault(photo.split, []).append(photo)
        if all(len(group) < 2 for group in groups.values()):
            raise ApsiError("pairs=photos compares two photos of one split, and no split has two; give more photos")

        def draw(photo: SortedPhoto, number: int) -> tuple[Version, Version] | None:
            others = [other for other in groups[photo.split] if other.hash != photo.hash]
            if not others:
                return None
            rng = np.random.default_rng(context.seed_of(photo, number))
            return photo.version(), others[int(rng.integers(len(others)))].version()

        return round_by_round(context, draw)
