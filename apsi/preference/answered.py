"""Answers as numbers: what models of a person are fitted on and measured by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from apsi.juror.davidson import LEFT, RIGHT, TIE
from apsi.photo import Bools, Floats, Ints
from apsi.photo.hash import bytes_digest, seed_for
from apsi.preference.folder import Comparison

OUTCOMES = {"left": LEFT, "tie": TIE, "right": RIGHT}


@dataclass(frozen=True, eq=False)
class Answered:
    """M answers that are left, tie or right; skips are none of them."""

    left: Floats
    """`(M, C)`: score of the prior and features of what stood left"""
    right: Floats
    """`(M, C)`"""
    outcomes: Ints
    """`(M,)`: `LEFT`, `TIE` or `RIGHT`"""
    people: Ints
    """`(M,)`: number of who answered"""
    photos: tuple[tuple[str, str], ...]
    """originals of what stood left and right"""
    pairs: tuple[str, ...]
    """ids: those of a repeat are the same"""

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, chosen: Bools | Ints) -> Self:
        rows = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return replace(
            self,
            left=self.left[rows],
            right=self.right[rows],
            outcomes=self.outcomes[rows],
            people=self.people[rows],
            photos=tuple(self.photos[i] for i in rows),
            pairs=tuple(self.pairs[i] for i in rows),
        )

    @property
    def decided(self) -> Bools:
        """`(M,)`: whether one was better."""
        decided: Bools = self.outcomes != TIE
        return decided

    @property
    def won(self) -> Floats:
        """`(M,)`: 1 where the left one was better, 0 where the right one was; only where `decided`."""
        won: Floats = (self.outcomes == LEFT).astype(np.float64)
        return won

    @property
    def originals(self) -> list[str]:
        """All photos, in a fixed order."""
        return sorted({photo for both in self.photos for photo in both})

    @property
    def swapped(self) -> Self:
        """The same with sides exchanged."""
        photos = tuple((right, left) for left, right in self.photos)
        return replace(self, left=self.right, right=self.left, outcomes=RIGHT - self.outcomes, photos=photos)


def folds(answered: Answered, count: int, seed: int) -> list[tuple[Bools, Bools]]:
    """Splits by photo: for each fold, which answers to learn from and which to measure by; no photo is in both.

    Where all answers are about one photo, splits by pair. Answers to pairs of two photos are measured by where both are
    in the fold, and learned from where neither is; others are left out.
    """
    units = answered.photos if len(answered.originals) > 1 else _pairs(answered)
    order = sorted({unit for both in units for unit in both}, key=lambda unit: seed_for(seed, unit))
    count = min(count, len(order))
    fold_of = {unit: i % count for i, unit in enumerate(order)}
    sides = np.array([(fold_of[min(both)], fold_of[max(both)]) for both in units], np.int64).reshape(-1, 2)
    found = []
    for fold in range(count):
        test, train = (sides == fold).all(axis=1), (sides != fold).all(axis=1)
        if test.any() and train.any():
            found.append((train, test))
    return found


def _pairs(answered: Answered) -> tuple[tuple[str, str], ...]:
    """For each answer its pair, whichever side stood where, in place of the photos."""
    both = (
        sorted([left.tobytes(), right.tobytes()]) for left, right in zip(answered.left, answered.right, strict=True)
    )
    return tuple((key, key) for key in (bytes_digest(first + second).hex() for first, second in both))


def outcomes_of(comparisons: Sequence[Comparison]) -> tuple[Ints, Ints, tuple[str, ...]]:
    """Outcomes and people's numbers `(M,)` of answers that are no skips, and the people's names in their order."""
    names = tuple(sorted({one.answer.annotator for one in comparisons}))
    outcomes = np.array([OUTCOMES[str(one.answer.answer)] for one in comparisons], np.int64)
    return outcomes, np.array([names.index(one.answer.annotator) for one in comparisons], np.int64), names
