"""Which split the photos of pairs belong to, where no preparation has dealt them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apsi.photo.hash import seed_for
from apsi.preference.pair import Pair
from apsi.preprocess.base import SPLITS

Ratios = tuple[float, float, float]
"""Of train, val and test; they add up to 1"""


def split_of(photo: str, seed: int, ratios: Ratios) -> str:
    """The split of a photo by itself: the same on every machine, whatever other photos there are.

    Args:
        photo: as `Version.photo`.
        seed: another one deals all photos anew.
        ratios: shares of train, val and test that many photos come near to.
    """
    place = seed_for(seed, photo) / 2**64
    for name, reached in (("test", ratios[2]), ("val", ratios[2] + ratios[1])):
        if place < reached:
            return name
    return "train"


def latest(splits: Iterable[str]) -> str:
    """Of two photos' splits that of their pair: the later one of train, val and test."""
    return max(splits, key=SPLITS.index)


@dataclass
class Splits:
    """The splits of photos: as pairs have them already, else as a file says, else by hash."""

    seed: int
    ratios: Ratios
    known: dict[str, str] = field(default_factory=dict)
    """by photo"""

    @classmethod
    def of(cls, pairs: Mapping[str, Pair], seed: int, ratios: Ratios) -> "Splits":
        """With the photos of these pairs known. One that is shown beside other photos only has the pairs' latest."""
        known: dict[str, str] = {}
        alone: dict[str, str] = {}
        for pair in pairs.values():
            if pair.left.photo == pair.right.photo:
                alone.setdefault(pair.left.photo, pair.split)
            else:
                for photo in (pair.left.photo, pair.right.photo):
                    known[photo] = latest([known.get(photo, "train"), pair.split])
        return cls(seed, ratios, known | alone)

    def of_pair(self, photos: Sequence[str], said: str | None = None) -> str:
        """The split of a pair of versions of one or two photos.

        Args:
            photos: one or two, as `Version.photo`.
            said: what a file says, which holds for photos that are not known yet; all further pairs of theirs have it.
        """
        if said is not None and len(set(photos)) == 1:
            self.known.setdefault(photos[0], said)
        return latest(self.known.get(photo) or said or split_of(photo, self.seed, self.ratios) for photo in photos)
