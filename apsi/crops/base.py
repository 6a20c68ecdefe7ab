"""The contract of data sets with crops that people chose or scored."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
from pydantic import NonNegativeFloat

from apsi.crops.boxes import Record, require_order, to_shares
from apsi.errors import ApsiError
from apsi.photo import Floats, Ints
from apsi.photo.hash import file_hash
from apsi.photo.read import UnreadablePhotoError, read_size


def no_pairs() -> Ints:
    """`(0, 4)`: nobody compared crops."""
    return np.zeros((0, 4), np.int64)


@dataclass(frozen=True, eq=False)
class AnnotatedPhoto:
    """One photo, and what people said of crops of it."""

    name: str
    """path of its file below the root, with forward slashes"""
    boxes: Floats
    """`(n, 4)`: x1, y1, x2, y2 as shares of the sides, from 0 to 1"""
    scores: Floats
    """`(n,)`: higher is better, on the scale of the data set; NaN: not annotated"""
    are_best: bool = False
    """whether the boxes are crops that people chose as the best; they have no scores"""
    pairs: Ints = field(default_factory=no_pairs)
    """`(m, 4)`: crops that were compared: the rows of two boxes, then the votes for each"""

    def __post_init__(self) -> None:
        n = len(self.boxes)
        shapes = (self.boxes.shape, self.scores.shape, self.pairs.shape[1:])
        if shapes != ((n, 4), (n,), (4,)) or (len(self.pairs) and self.pairs[:, :2].max() >= n):
            raise ValueError(f"boxes (n, 4), scores (n,) and pairs (m, 4) of {self.name} do not fit: {shapes}")

    @property
    def scored(self) -> "AnnotatedPhoto":
        """The same with those boxes only that have a score, and without pairs."""
        known = ~np.isnan(self.scores)
        return AnnotatedPhoto(self.name, self.boxes[known], self.scores[known], self.are_best)


@dataclass(frozen=True)
class CropAnnotations(ABC):
    """A data set of photos, in a folder of the user, with crops that people chose or scored."""

    root: str
    """folder of the photos"""
    annotations: str
    """what says which crops: a file or a folder, as the data set has it"""
    skip_missing: bool
    """leave out annotated photos that are not there; otherwise they are an error"""
    slack: NonNegativeFloat
    """pixels by which a box may reach beyond the photo, and is cut off there"""

    in_shares: ClassVar[bool] = False

    @abstractmethod
    def records(self) -> list[Record]:
        """What the data set says, in its own unit, before any photo is looked at.

        Raises:
            ApsiError: a file is missing, too large, or not what it should be: with the file, the place in it and the
                value.
        """

    @property
    def unit_is_shares(self) -> bool:
        """Whether boxes are shares of the sides; else they are pixels."""
        return self.in_shares

    def how_to_say(self, order: str) -> str:
        """What to do where the numbers of a box stand in another order than was read."""
        return f"crops.order='{order}'"

    @property
    def order_read(self) -> str:
        """The order of the four numbers of a box, as it was read."""
        return "x1 y1 x2 y2"

    def photos(self) -> list[AnnotatedPhoto]:
        """All annotated photos, by name.

        Only the headers of the photos are read. Pixels are those of the upright photo.

        Raises:
            ApsiError: as `records`; a photo is missing or is none; a box is empty, inverted or outside of its photo,
                with what the file looks like instead.
        """
        if not self.folder.is_dir():
            raise ApsiError(f"crops.root={self.root} is no folder; give the folder that holds the photos")
        records = self._with_photos(self.records())
        sizes = [(1.0, 1.0) if self.unit_is_shares else self._size(record) for record in records]
        boxes = to_shares(records, sizes, self)
        found = [
            AnnotatedPhoto(record.name, own, record.scores, record.are_best, record.pairs)
            for record, own in zip(records, boxes, strict=True)
        ]
        return sorted(found, key=lambda photo: photo.name)

    @property
    def folder(self) -> Path:
        """That of the photos."""
        return Path(self.root).expanduser()

    def path(self, name: str) -> Path:
        """Where the photo of this name is."""
        return self.folder / name

    def hash_of(self, name: str) -> str:
        """SHA-256 of the file of this photo, in hex.

        Raises:
            ApsiError: it can't be read.
        """
        try:
            return file_hash(self.path(name))
        except OSError as error:
            raise ApsiError(f"{self.path(name)} can't be read: {error.strerror or error}") from error

    def _with_photos(self, records: Sequence[Record]) -> list[Record]:
        for record in records:
            parts = PurePosixPath(record.name)
            if not record.name or parts.is_absolute() or ".." in parts.parts or "\0" in record.name:
                raise ApsiError(f"{record.source}: {record.name!r} is no name of a file below crops.root; correct it")
        there = [record for record in records if self.path(record.name).is_file()]
        missing = len(records) - len(there)
        if missing and not self.skip_missing:
            first = next(record for record in records if not self.path(record.name).is_file())
            raise ApsiError(
                f"{missing} of {len(records)} annotated photos are not in crops.root={self.root}, the first is "
                f"{first.name} ({first.source}); put them there, or leave them out with crops.skip_missing=true"
            )
        if not there:
            raise ApsiError(
                f"crops.annotations={self.annotations} and crops.root={self.root} have no photo in common; give the "
                "annotations that belong to these photos"
            )
        return there

    def _size(self, record: Record) -> tuple[float, float]:
        try:
            return read_size(self.path(record.name))
        except (UnreadablePhotoError, OSError) as error:
            raise ApsiError(f"{self.path(record.name)} is no photo that can be read: {error}") from error


@dataclass(frozen=True)
class OrderedBoxes(CropAnnotations):
    """A data set whose copies differ in the order of a box's numbers."""

    order: str
    """of the four numbers of a box, such as `x1 y1 x2 y2`"""

    def __post_init__(self) -> None:
        require_order(self.order, "crops.order")

    @property
    def order_read(self) -> str:
        return self.order
