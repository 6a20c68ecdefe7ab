"""Opening files that may be anything: only regular ones are read, and never more than was asked for."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


@contextmanager
def open_regular(path: Path, max_bytes: int | None = None) -> Iterator[BufferedReader]:
    """Opens a regular file for reading; pipes, sockets and devices are neither opened nor waited for.

    Raises:
        OSError: it can't be opened, is not a regular file, or has more than `max_bytes`.
    """
    _require_regular(path.stat(), path, max_bytes)  # before opening: that alone may do something to a device
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        _require_regular(os.fstat(handle), path, max_bytes)  # it may have been exchanged meanwhile
        yield file


def read_file(path: Path, max_bytes: int | None = None) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: as for `open_regular`.
    """
    with open_regular(path, max_bytes) as file:
        data = file.read(-1 if max_bytes is None else max_bytes + 1)
    if max_bytes is not None and len(data) > max_bytes:
        raise OSError(errno.EFBIG, _too_many(len(data), max_bytes), str(path))  # it grew while it was read
    return data


def _require_regular(found: os.stat_result, path: Path, max_bytes: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"not a regular file but {kind}", str(path))
    if max_bytes is not None and found.st_size > max_bytes:
        raise OSError(errno.EFBIG, _too_many(found.st_size, max_bytes), str(path))


def _too_many(found: int, allowed: int) -> str:
    return f"it has {found:,} bytes, at most {allowed:,} are read (dataset.max_pixels)"
