"""The photos that a file names: found among those of the data set, and never opened by the name itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from apsi.dataset.base import Dataset
from apsi.errors import ApsiError
from apsi.photo.file_index import UNREADABLE, content_hashes
from apsi.photo.read import UnreadablePhotoError, read_size
from apsi.preference.pair import Pair, Version
from apsi.preference.split import Splits
from apsi.preprocess.source import INDEX


@dataclass
class Names:
    """Names of photos in a file of others, and what the data set has under them."""

    dataset: Dataset
    data_dir: Path
    """where hashes are remembered"""
    splits: Splits
    _hashes: dict[Path, str] = field(default_factory=dict)

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        return {file.name: file.path for file in self.dataset.listing().files}

    @cached_property
    def _by_last_part(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._files:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return found

    def found(self, name: str) -> str | None:
        """The data set's own name of a photo: the same one, or the only one that ends with it; None: there is none.

        Raises:
            ApsiError: there are several, or it is no name of a file below a folder.
        """
        Version(f"name:{name}", name)
        if name in self._files:
            return name
        alike = self._by_last_part.get(name, [])
        if len(alike) > 1:
            raise ApsiError(
                f"{name!r} is the name of {len(alike)} photos of dataset=, {alike[0]} and {alike[1]} among them; "
                "name the one by its path below dataset.path"
            )
        return alike[0] if alike else None

    def look_at(self, names: Iterable[str]) -> None:
        """Hashes the files of many photos at once."""
        there = {self._files[own] for name in names if (own := self.found(name)) is not None}
        paths = sorted(there - self._hashes.keys())
        hashes = content_hashes(paths, self.data_dir / INDEX, lambda function, some: [function(one) for one in some])
        self._hashes.update(zip(paths, hashes, strict=True))

    def size(self, name: str) -> tuple[int, int] | None:
        """Height and width of a photo, upright; None: it is not in the data set.

        Raises:
            ApsiError: it can't be read.
        """
        own = self.found(name)
        if own is None:
            return None
        try:
            return read_size(self._files[own])
        except (UnreadablePhotoError, OSError) as error:
            raise ApsiError(f"{self._files[own]} is no photo that can be read: {error}") from error

    def version(self, name: str, recipe: Sequence[str], photo: str = "") -> Version:
        """A version of the photo of this name.

        Args:
            name: in the file.
            recipe: labels.
            photo: as the file says it; empty: the SHA-256 of the data set's file, or `name:NAME` where it has none.

        Raises:
            ApsiError: a name or a label that means nothing.
        """
        own = None if photo else self.found(name)
        if own is not None:
            path = self._files[own]
            if path not in self._hashes:
                self.look_at([name])
            if self._hashes[path] == UNREADABLE:
                raise ApsiError(f"{path} can't be read; check its permissions")
            photo = self._hashes[path]
        version = Version(photo or f"name:{name}", own or name, tuple(recipe))
        version.steps  # noqa: B018  an unknown label is an error here and not while somebody looks
        return version

    def pair(self, left: Version, right: Version, source: str, split: str | None = None) -> Pair:
        """A pair, in the split of its photos; `split` is what the file says.

        Raises:
            ApsiError: both are the same, or there is no such split.
        """
        if split is not None and split not in ("train", "val", "test"):
            raise ApsiError(f"split={split[:40]!r} must be one of train, val, test, or empty")
        photos = [left.photo, right.photo]
        return Pair(left, right, self.splits.of_pair(photos, split), source[:80])
