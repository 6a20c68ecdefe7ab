"""Content hashes of files, remembered between runs so that an unchanged file is not read again."""

import json
import os
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path

from apsi.photo.hash import file_hash
from apsi.photo.write import write_text

UNREADABLE = "unreadable"
Known = dict[str, list[object]]
"""Size, time of change and hash, by path"""
NO_STAMP: list[object] = [-1, -1]


def content_hashes(
    paths: Sequence[Path],
    index: Path,
    each: Callable[[Callable[[Path], str], Sequence[Path]], list[str]],
    max_bytes: int | None = None,
) -> list[str]:
    """SHA-256 of every file, read only where size or modification time changed since `index` was written.

    Args:
        paths: files; one that can't be opened or is not a regular file gets the hash `"unreadable"`.
        index: JSON file that remembers; made when missing, replaced when broken.
        each: maps a function over paths, as in `parallel(function, paths)`.
        max_bytes: a file with more is unreadable.
    """
    known = _read_index(index)
    hashes, count = _looked_up(known, paths, each, max_bytes)
    if count:
        _write_index(index, known)
    return hashes


class FileIndex:
    """The same for files that are asked for one by one, by one thread at a time: `index` is read once.

    It is written when a hundredth of it is new, as it may be long; the rest is hashed again another time.
    """

    def __init__(self, index: Path) -> None:
        """Reads nothing yet."""
        self._index, self._new = index, 0

    @cached_property
    def _known(self) -> Known:
        return _read_index(self._index)

    def hashes(self, paths: Sequence[Path]) -> list[str]:
        """SHA-256 of every file as it is now; `"unreadable"` of one that can't be opened or is no regular file."""
        hashes, count = _looked_up(self._known, paths, lambda function, some: [function(path) for path in some], None)
        self._new += count
        if self._new > len(self._known) / 100:
            _write_index(self._index, _read_index(self._index) | self._known)
            self._new = 0
        return hashes


def _looked_up(
    known: Known,
    paths: Sequence[Path],
    each: Callable[[Callable[[Path], str], Sequence[Path]], list[str]],
    max_bytes: int | None,
) -> tuple[list[str], int]:
    """The hashes of files, and of how many they were not known; they are now."""
    stamps = {path: _stamp(path) for path in paths}
    names = {path: _name(path) for path in paths}
    changed = [path for path in paths if known.get(names[path], [])[:2] != stamps[path]]
    if changed:
        for path, digest in zip(changed, each(partial(_hash, max_bytes=max_bytes), changed), strict=True):
            stamp = stamps[path] if digest != UNREADABLE else NO_STAMP  # to be tried again: rights may change
            known[names[path]] = [*stamp, digest]
    return [str(known[names[path]][2]) for path in paths], len(changed)


def forget(path: Path, index: Path) -> None:
    """Lets the next `content_hashes` read a file again: its content is another than `index` says."""
    known = _read_index(index)
    if known.pop(_name(path), None):
        _write_index(index, known)


def _name(path: Path) -> str:
    return os.path.realpath(path)  # unlike Path.resolve, it takes a link that leads to itself


def _write_index(index: Path, known: Known) -> None:
    write_text(index, json.dumps(known))  # in ASCII: the names of folders may hold bytes that are no UTF-8


def _read_index(index: Path) -> Known:
    try:
        known = json.loads(index.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # missing, not UTF-8, not JSON
        return {}
    return known if isinstance(known, dict) else {}


def _stamp(path: Path) -> list[object]:
    try:
        stat = path.stat()
    except OSError:
        return NO_STAMP
    return [stat.st_size, stat.st_mtime_ns]


def _hash(path: Path, max_bytes: int | None) -> str:
    try:
        return file_hash(path, max_bytes)
    except OSError:
        return UNREADABLE
