"""The photos of pairs: found by what their files hold, shown as their recipes say."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from apsi.dataset.base import Dataset
from apsi.errors import ApsiError
from apsi.juror.framed import FramedPhoto
from apsi.photo import Photo
from apsi.photo.box import WHOLE, Box
from apsi.photo.file_index import FileIndex
from apsi.photo.formats import read_any
from apsi.photo.read import UnreadablePhotoError
from apsi.photo.resample import shrunk
from apsi.preference.pair import Version
from apsi.preprocess.source import INDEX
from apsi.transform.recipe import Recipe


class MissingOriginalError(ApsiError):
    """The original of a version is not there, or its file is another one by now."""


@dataclass(frozen=True)
class Originals:
    """Files of a data set by what they hold; only those that are asked for are read. Several threads may ask."""

    dataset: Dataset
    data_dir: Path
    """where hashes are remembered"""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    """held by the one who finds a file"""

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        return {file.name: file.path for file in self.dataset.listing().files}

    @cached_property
    def _by_hash(self) -> Mapping[str, Path]:
        """All files, hashed: done once, and only where a file has another name than its pair says."""
        paths = list(self._files.values())
        return dict(zip(self._hashed.hashes(paths), paths, strict=True))

    @cached_property
    def _hashed(self) -> FileIndex:
        return FileIndex(self.data_dir / INDEX)

    def _is(self, path: Path | None, version: Version) -> bool:
        return path is not None and self._hashed.hashes([path]) == [version.photo]

    def path(self, version: Version) -> Path:
        """The file of a version's original.

        Raises:
            MissingOriginalError: it is not in the data set, or was changed.
        """
        with self._lock:
            here = self._files.get(version.name)
            found = here if self._is(here, version) else self._by_hash.get(version.photo)
            is_there = self._is(found, version)
        if found is None or not is_there:
            what = (
                "was changed after its pairs were made" if here is not None else "is not among the photos of dataset="
            )
            raise MissingOriginalError(
                f"{version.name} {what}: put the file there as it was (SHA-256 {version.photo[:12]}...), or go on "
                "without its pairs"
            )
        return found

    def read(self, version: Version) -> Photo:
        """The original, upright, `(H, W, 3)` `uint8` sRGB.

        Raises:
            MissingOriginalError: it is not there, was changed, or can't be read any more.
        """
        path = self.path(version)
        try:
            return read_any(path, self.dataset.max_pixels)
        except (UnreadablePhotoError, OSError) as error:
            raise MissingOriginalError(f"{path} can't be read: {error}") from error


def shown(original: Photo, recipe: Recipe, longest: int) -> Photo:
    """A version as people see it: cut at full size, made small, then edited.

    Args:
        original: `(H, W, 3)` `uint8`.
        recipe: what is done to it.
        longest: pixels of the longer side, at most; nothing is enlarged.
    """
    part, edits, _ = _cut(original, recipe)
    return edits(np.ascontiguousarray(shrunk(part, longest)))


def framed(original: Photo, recipe: Recipe, longest: int) -> FramedPhoto:
    """The same for jurors, with the whole original at the same size and the box of what is left of it."""
    part, edits, box = _cut(original, recipe)
    small = edits(np.ascontiguousarray(shrunk(part, longest)))
    return FramedPhoto(small) if box == WHOLE else FramedPhoto(small, shrunk(original, longest), box)


def _cut(original: Photo, recipe: Recipe) -> tuple[Photo, Recipe, Box]:
    """What the crops at a recipe's beginning leave, its other steps, and where that lies in the original."""
    part, box, steps = original, WHOLE, list(recipe)
    while steps:
        inner = steps[0].part_of(part)
        if inner is None:
            break
        part, box = steps.pop(0)(part), box.within(inner)
    return part, Recipe(tuple(steps)), box
