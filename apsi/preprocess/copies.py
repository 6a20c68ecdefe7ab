"""Which photos of a data set are copies of one another."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from apsi.photo import alike
from apsi.photo.coco import ImageRecord
from apsi.photo.hash import pixel_hash
from apsi.photo.write import atomic, read_png
from apsi.preprocess.engine.base import Engine

COPIES = "near_duplicates.csv"

_OUTLINES = 10_000
SAME_FILE, SAME_PIXELS, LOOKS_ALIKE = "same file", "same pixels", "looks alike"


@dataclass(frozen=True)
class Copy:
    """A photo that is a copy of another one of the data set, directly or through further copies."""

    file: str
    copy_of: str
    """the first photo of its group"""
    reason: str
    """`same file`, `same pixels` at working size, or `looks alike`: saved again, resized, slightly cropped"""
    split: str = ""
    """of the whole group"""


def find_copies(records: Sequence[ImageRecord], images: Sequence[Path], engine: Engine) -> list[Copy]:
    """One entry for each photo but the first of its group, in order.

    Args:
        records: the photos.
        images: their files at working size, in the same order.
        engine: reads them.
    """
    seen = engine.map(_look, images, "Looking for copies")
    same_file = _first_of([record.original for record in records])
    same_pixels = _first_of([pixels for pixels, _ in seen])
    exact = alike.groups(len(images), ((j, i) for of in (same_file, same_pixels) for i, j in enumerate(of) if i != j))
    first = [i for i, j in enumerate(exact) if i == j]
    outline = lru_cache(_OUTLINES)(lambda i: alike.outline(read_png(images[first[i]])))
    near = alike.groups(
        len(first),
        alike.candidates(np.array([seen[i][1] for i in first]).reshape(len(first), -1)),
        lambda one, other: alike.is_copy(outline(one), outline(other)),
    )
    group = dict(zip(first, (first[i] for i in near), strict=True))
    copies = []
    for i, record in enumerate(records):
        found = group[exact[i]]
        if found != i:
            reason = SAME_FILE if same_file[i] == found else SAME_PIXELS if exact[i] == found else LOOKS_ALIKE
            copies.append(Copy(record.source, records[found].source, reason))
    return copies


def write_copies(path: Path, copies: Iterable[Copy]) -> None:
    """Writes copies as CSV."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Copy)])
        writer.writeheader()
        writer.writerows(map(asdict, copies))


def read_copies(path: Path) -> list[Copy]:
    """Reads what `write_copies` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Copy(**row) for row in csv.DictReader(file)]


def _look(image: Path) -> tuple[bytes, alike.Looks]:
    photo = read_png(image)
    return pixel_hash(photo), alike.looks(photo)


def _first_of(values: Sequence[object]) -> list[int]:
    """For each value, where it occurs first."""
    places: dict[object, int] = {}
    return [places.setdefault(value, i) for i, value in enumerate(values)]
