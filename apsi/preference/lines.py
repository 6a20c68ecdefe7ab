"""Files of JSON lines that are appended to, and survive a kill in the middle of a line."""

import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from apsi.errors import ApsiError
from apsi.photo.file import open_regular

_T = TypeVar("_T")
_MAX_BYTES = 2_000_000_000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lines(Generic[_T]):
    """What a file holds."""

    values: list[_T]
    places: list[int]
    """of each, where its line begins, in bytes"""
    broken: list[str]
    """of each line that says nothing, where it stands and why"""


def read_lines(path: Path, parse: Callable[[Any], _T]) -> Lines[_T]:
    """The lines of a file, each as `parse` makes it; a missing file has none.

    A line that was cut off, as a kill or a full disk leaves it, and one that `parse` refuses with an ApsiError are
    told and left out.

    Raises:
        ApsiError: the file can't be read.
    """
    values: list[_T] = []
    places: list[int] = []
    broken: list[str] = []
    after = 0
    try:
        with open_regular(path, _MAX_BYTES) as file:
            for number, line in enumerate(file, start=1):
                place, after = after, after + len(line)
                if not line.strip():
                    continue
                try:
                    values.append(parse(json.loads(line)))
                    places.append(place)
                except (ValueError, RecursionError):  # no UTF-8, no JSON
                    what = "is no line of JSON" if line.endswith(b"\n") else "was cut off"
                    broken.append(f"{path}, line {number}: {what}")
                except ApsiError as error:
                    broken.append(f"{path}, line {number}: {error}")
    except FileNotFoundError:
        return Lines([], [], [])
    except OSError as error:
        raise ApsiError(f"{path} can't be read: {error.strerror}; check its permissions") from error
    for said in broken[:5]:
        log.warning("%s; it is left out", said)
    if len(broken) > 5:
        log.warning("%s: %d further lines are left out", path, len(broken) - 5)
    return Lines(values, places, broken)


def line_at(path: Path, place: int) -> Any:
    """What the line that begins at a place holds.

    Raises:
        ApsiError: the file can't be read, or there is no line of JSON any more.
    """
    try:
        with open_regular(path, _MAX_BYTES) as file:
            file.seek(place)
            return json.loads(file.readline())
    except (ValueError, RecursionError) as error:
        raise ApsiError(f"{path} was changed: there is no line of JSON at byte {place} any more") from error
    except OSError as error:
        raise ApsiError(f"{path} can't be read: {error.strerror}; check its permissions") from error


def append_lines(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Adds lines; when it returns they are on the disk.

    Several processes may do so at once: each holds the file while it writes. A line that was cut off before is ended.

    Raises:
        OSError: they can't be written; what had been there is as it was.
    """
    data = b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)
    if not data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        _lock(handle)
        size = os.fstat(handle).st_size
        if size and _last_byte(handle, size) != b"\n":
            data = b"\n" + data
        try:
            _write(handle, data)
            os.fsync(handle)
        except OSError as error:
            os.ftruncate(handle, size)
            error.filename = error.filename or str(path)
            raise
    finally:
        os.close(handle)  # and with it the lock
    if is_new:
        _sync_folder(path.parent)


def _last_byte(handle: int, size: int) -> bytes:
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1)


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: one process at a time, as it opens the file for appending
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
