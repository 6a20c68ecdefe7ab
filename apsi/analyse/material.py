"""What a prepared data set holds, photo by photo."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from apsi.errors import ApsiError
from apsi.photo.coco import ImageRecord
from apsi.photo.prepared import Episode, PreparedSplit
from apsi.photo.write import read_png
from apsi.preprocess.base import SPLITS
from apsi.preprocess.copies import COPIES, Copy, read_copies
from apsi.preprocess.resize import read_skipped

_WHOLE = re.compile(r"-[0-9a-f]{12}\.png$")
"""Names of whole photos end so; of crops and flips of them, a number follows"""
_LOOKED_AT = 16
"""Photos that tell what all of them are like: one shape among so many is no chance"""


@dataclass(frozen=True)
class OnePhoto:
    """A photo of the collection, whole."""

    name: str
    """its file, below the root of the data set"""
    digest: str
    """SHA-256 of that file; empty where nothing of the annotations says"""
    split: str
    image: Path
    """the photo at working size"""
    score: float | None
    """None where no degraded copy of it was kept"""


@dataclass(frozen=True)
class DegradedCopy:
    """A degraded copy of a photo, or of a crop of it."""

    photo: int
    """its place among the photos"""
    image: Path
    original: Path
    """what was degraded: the photo, or a crop of it"""
    labels: tuple[str, ...]
    """what was done to it, in order"""
    before: float
    score: float

    @property
    def drop(self) -> float:
        """By how much the score fell."""
        return self.before - self.score


@dataclass(frozen=True)
class Material:
    """A prepared data set: its photos by name, and their degraded copies."""

    folder: Path
    juror: str
    """fingerprint"""
    photos: tuple[OnePhoto, ...]
    copies: tuple[DegradedCopy, ...]
    """of all photos, crops and flips"""
    dropped: Mapping[str, int]
    """by split: degraded photos that scored no worse and are not here"""
    skipped: int
    """files that could not be used"""
    near_duplicates: tuple[Copy, ...]
    """as preparing found them"""
    is_shared: bool
    """whether all photos are in every split, being too few"""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads a prepared folder.

        Raises:
            ApsiError: it is none.
        """
        if not all((folder / split / "annotations.json").is_file() for split in SPLITS):
            raise ApsiError(
                f"{folder} is no prepared data set: it has no {', '.join(SPLITS)} with an annotations.json each; name "
                "a folder of data_dir/prepared, or leave task.prepared out and prepare dataset="
            )
        splits = {name: PreparedSplit.load(name, [folder / name]) for name in SPLITS}
        for split in splits.values():
            _require_sound(split, folder)
        jurors = sorted({split.juror for split in splits.values()})
        if len(jurors) > 1:
            raise ApsiError(f"{folder} was scored by several jurors: {jurors}; prepare it again")
        found: dict[str, OnePhoto] = {}
        for name, split in splits.items():
            for photo in _whole(folder / name, name, split.episodes):
                found.setdefault(photo.name, photo)
        photos = tuple(found[name] for name in sorted(found))
        place = {photo.name: i for i, photo in enumerate(photos)}
        copies = tuple(
            DegradedCopy(place[e.source], e.photo, e.original, e.degradation, e.target_score, e.start_score)
            for split in splits.values()
            for e in sorted(split.episodes, key=lambda e: e.photo.name)
        )
        if not photos:
            raise ApsiError(f"{folder} holds no photo; use more photos, or another degradation")
        skipped, copied = folder / "skipped.csv", folder / COPIES
        return cls(
            folder,
            jurors[0],
            photos,
            copies,
            {name: split.dropped for name, split in splits.items()},
            len(read_skipped(skipped)) if skipped.exists() else 0,
            tuple(read_copies(copied)) if copied.exists() else (),
            any(split.is_shared for split in splits.values()),
        )

    @property
    def working_size(self) -> tuple[int, bool]:
        """The longer side of the photos in pixels, and whether squares were cut out of them, as the first ones tell."""
        shapes = [read_png(photo.image).shape[:2] for photo in self.photos[:_LOOKED_AT]]
        return max(max(shape) for shape in shapes), all(height == width for height, width in shapes)

    @property
    def records(self) -> list[ImageRecord]:
        """The photos, as the search for copies takes them."""
        return [ImageRecord(p.image.name, 0, 0, p.name, p.digest or p.image.name, split=p.split) for p in self.photos]


def _require_sound(split: PreparedSplit, folder: Path) -> None:
    """Refuses scores that are no numbers and labels that are no text: the folder may come from others."""
    for e in split.episodes:
        scores = (e.start_score, e.target_score)
        if not all(isinstance(score, int | float) and abs(score) <= sys.float_info.max for score in scores):
            raise ApsiError(f"{folder / split.name}: {e.photo.name} has the scores {scores}, which are no numbers")
        if not all(isinstance(text, str) for text in (e.source, e.source_hash, *e.degradation)):
            raise ApsiError(f"{folder / split.name}: {e.photo.name} has names that are no text; prepare the data again")


def _whole(folder: Path, split: str, episodes: tuple[Episode, ...]) -> list[OnePhoto]:
    """The whole photos of a split: what its episodes were made from, and those of which no copy was kept."""
    known: dict[str, OnePhoto] = {}
    of_crops: dict[str, Episode] = {}
    for e in episodes:
        if _WHOLE.search(e.original.name):
            known.setdefault(e.original.name, OnePhoto(e.source, e.source_hash, split, e.original, e.target_score))
        else:
            of_crops.setdefault(re.sub(r"-\d+\.png$", ".png", e.original.name), e)
    for image in sorted((folder / "originals").glob("*.png")):
        if image.name not in known and _WHOLE.search(image.name):
            crop = of_crops.get(image.name)
            name = image.name if crop is None else crop.source
            known[image.name] = OnePhoto(name, "" if crop is None else crop.source_hash, split, image, None)
    missing = [e for name, e in of_crops.items() if name not in known]
    if missing:
        raise ApsiError(f"{folder / 'originals'} lacks the whole photo of {missing[0].source}; prepare the data again")
    return list(known.values())
