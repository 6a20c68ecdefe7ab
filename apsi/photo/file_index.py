"""Content hashes of files, remembered between runs so that an unchanged file is not read again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from apsi.photo.hash import file_hash
from apsi.photo.write import write_text

UNREADABLE = "unreadable"
NO_STAMP: list[object] = [-1, -1]


def content_hashes(
    paths: Sequence[Path], index: Path, each: Callable[[Callable[[Path], str], Sequence[Path]], list[str]]
) -> list[str]:
    """SHA-256 of every file, read only where size or modification time changed since `index` was written.

    Args:
        paths: files; one that can't be opened gets the hash `"unreadable"`.
        index: JSON file that remembers; made when missing, replaced when broken.
        each: maps a function over paths, as in `parallel(function, paths)`.
    """
    known = _read_index(index)
    stamps = {path: _stamp(path) for path in paths}
    names = {path: str(path.resolve()) for path in paths}
    changed = [path for path in paths if known.get(names[path], [])[:2] != stamps[path]]
    if changed:
        for path, digest in zip(changed, each(_hash, changed), strict=True):
            stamp = stamps[path] if digest != UNREADABLE else NO_STAMP  # to be tried again: rights may change
            known[names[path]] = [*stamp, digest]
        write_text(index, json.dumps(known, ensure_ascii=False))
    return [str(known[names[path]][2]) for path in paths]


def _read_index(index: Path) -> dict[str, list[object]]:
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


def _hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError:
        return UNREADABLE
