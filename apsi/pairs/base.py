"""The contract of what pairs are made of."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apsi.photo import Photo
from apsi.photo.hash import seed_for
from apsi.preference.pair import Version

if TYPE_CHECKING:
    from apsi.advise.editor import Editor  # which brings torch: pairs of photos need none

Candidate = tuple[Version, Version, str]
"""two versions that may become a pair, and their split"""


@dataclass(frozen=True)
class SortedPhoto:
    """An original, and the split that it is in."""

    hash: str
    """SHA-256 of its file"""
    name: str
    """path of its file below the data set's folder"""
    split: str

    def version(self, labels: Sequence[str] = ()) -> Version:
        """It with a recipe."""
        return Version(self.hash, self.name, tuple(labels))


@dataclass(frozen=True)
class PairContext:
    """What pairs are made from."""

    photos: Sequence[SortedPhoto]
    """in an order that says nothing"""
    read: Callable[[SortedPhoto], Photo | None]
    """its pixels `(H, W, 3)` `uint8` sRGB; None where they can't be had any more, which is told"""
    editors: "Sequence[Editor]"
    """who edits by each of the source's checkpoints"""
    seed: int

    def seed_of(self, photo: SortedPhoto, number: int) -> int:
        """That of the photo's draw of this number: the same whatever the other photos are."""
        return seed_for(self.seed, photo.hash, number)


class PairSource(ABC):
    """Proposes pairs, photo by photo and round by round, so that the first few stand for all."""

    @property
    def checkpoints(self) -> Sequence[str | None]:
        """Of the agents that are to edit; None: that of the configuration."""
        return ()

    @abstractmethod
    def candidates(self, context: PairContext) -> Iterator[Candidate]:
        """Different candidates, without end where ever more can be drawn; each is made when it is asked for.

        Raises:
            ApsiError: nothing can be proposed from these photos at all.
        """


def round_by_round(
    context: PairContext, draw: Callable[[SortedPhoto, int], tuple[Version, Version] | None]
) -> Iterator[Candidate]:
    """One candidate of every photo, then another of each, until a whole round brings nothing new."""
    seen: set[tuple[str, str]] = set()
    number = barren = 0
    while barren < _PATIENCE:
        barren += 1
        for photo in context.photos:
            drawn = draw(photo, number)
            if drawn is None:
                continue
            first, second = sorted((drawn[0].key, drawn[1].key))
            if first != second and (first, second) not in seen:
                seen.add((first, second))
                barren = 0
                yield *drawn, photo.split
        number += 1


_PATIENCE = 20  # rounds that bring nothing new
