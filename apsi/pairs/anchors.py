"""Two crops of one photo."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from apsi.pairs.base import Candidate, PairContext, PairSource, SortedPhoto, round_by_round
from apsi.photo.box import WHOLE, Box
from apsi.preference.pair import Version
from apsi.transform.crop import Crop
from apsi.transform.crop_actions import grid_anchors
from apsi.types import Fraction, PositiveFraction


@dataclass(frozen=True)
class Anchors(PairSource):
    """Two crops out of a grid, drawn for each photo; those that are hard to tell apart are not shown."""

    bins: int
    """of the grid, a side; see `apsi.transform.crop_actions.grid_anchors`"""
    min_area: PositiveFraction
    """smallest crop, as a share of the photo"""
    max_overlap: PositiveFraction
    """intersection over union of the two, at most"""
    whole: Fraction
    """share of pairs in which one of the two is the whole photo"""
    same_shape: bool
    """whether all crops have the photo's own shape: what is preferred is size and place then"""

    def candidates(self, context: PairContext) -> Iterator[Candidate]:
        boxes = (
            _of_photos_shape(self.bins, self.min_area) if self.same_shape else grid_anchors(self.bins, self.min_area)
        )

        def draw(photo: SortedPhoto, number: int) -> tuple[Version, Version] | None:
            rng = np.random.default_rng(context.seed_of(photo, number))
            for _ in range(_TRIES):
                first, second = (boxes[i] for i in rng.integers(len(boxes), size=2).tolist())
                if rng.random() < self.whole:
                    first = WHOLE
                if overlap(first, second) <= self.max_overlap:
                    return photo.version(_labels(first)), photo.version(_labels(second))
            return None

        return round_by_round(context, draw)


_TRIES = 20


def _labels(box: Box) -> list[str]:
    return [] if box == WHOLE else [Crop(box).label]


def _of_photos_shape(bins: int, min_area: float) -> list[Box]:
    """Boxes with the same share of both sides, at places of a grid."""
    sides = np.arange(np.ceil(np.sqrt(min_area) * bins), bins) / bins
    boxes = []
    for side in sides.tolist():
        places = np.linspace(0, 1 - side, round((1 - side) * bins) + 1).tolist()
        boxes += [Box(x, y, x + side, y + side) for x, y in product(places, places)]
    return boxes


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    across = min(a.x2, b.x2) - max(a.x1, b.x1)
    down = min(a.y2, b.y2) - max(a.y1, b.y1)
    both = max(0.0, across) * max(0.0, down)
    return both / (a.area + b.area - both)
