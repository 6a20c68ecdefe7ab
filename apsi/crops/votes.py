"""Pairs of crops and the votes of people for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apsi.crops.base import AnnotatedPhoto
from apsi.photo import Bools, Floats, Ints

_SAME = 0.05
"""Areas that differ by less, relatively, are equal: crops are rounded to pixels"""


@dataclass(frozen=True, eq=False)
class Votes:
    """Compared crops of several photos, one row a pair."""

    first: Floats
    """`(m, 4)`: x1, y1, x2, y2 as shares of the sides"""
    second: Floats
    """`(m, 4)`"""
    counts: Ints
    """`(m, 2)`: votes for the first and for the second"""
    photos: Ints
    """`(m,)`: number of the photo"""

    @classmethod
    def of(cls, photos: Sequence[AnnotatedPhoto]) -> "Votes":
        """All pairs of these photos, numbered in their order."""
        rows = [photo.pairs for photo in photos]
        boxes = [
            (photo.boxes[pairs[:, 0]], photo.boxes[pairs[:, 1]]) for photo, pairs in zip(photos, rows, strict=True)
        ]
        return cls(
            np.concatenate([first for first, _ in boxes]),
            np.concatenate([second for _, second in boxes]),
            np.concatenate([pairs[:, 2:] for pairs in rows]),
            np.repeat(np.arange(len(photos)), [len(pairs) for pairs in rows]),
        )

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, chosen: Bools) -> "Votes":
        return Votes(self.first[chosen], self.second[chosen], self.counts[chosen], self.photos[chosen])

    @property
    def swapped(self) -> "Votes":
        """The same pairs with their sides exchanged."""
        return Votes(self.second, self.first, self.counts[:, ::-1], self.photos)

    @property
    def decided(self) -> Bools:
        """`(m,)`: whether one of both got more votes."""
        decided: Bools = self.counts[:, 0] != self.counts[:, 1]
        return decided

    @property
    def second_won(self) -> Bools:
        """`(m,)`: whether the majority chose the second; only where `decided`."""
        won: Bools = self.counts[:, 1] > self.counts[:, 0]
        return won

    @property
    def same_size(self) -> Bools:
        """`(m,)`: whether both have the same area, to a few pixels."""
        growth = np.log(_areas(self.second) / _areas(self.first))
        same: Bools = np.abs(growth) < _SAME
        return same

    @property
    def second_larger(self) -> Bools:
        """`(m,)`: whether the second has the larger area."""
        return (_areas(self.second) > _areas(self.first)) & ~self.same_size


def _areas(boxes: Floats) -> Floats:
    areas: Floats = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas
