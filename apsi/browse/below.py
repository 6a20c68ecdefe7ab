"""Opening files below a folder whose content may come from others: no symbolic link leads out of it."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_AT = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd


def is_plain(name: str) -> bool:
    """Whether this is the name of a file in a folder and nothing else."""
    return bool(name) and name not in (".", "..") and "/" not in name and "\\" not in name and "\0" not in name


@contextmanager
def open_below(root: Path, parts: Sequence[str], max_bytes: int) -> Iterator[BufferedReader]:
    """Opens `root/parts…` for reading, where it is a regular file and none of the parts is a link.

    Raises:
        OSError: it is not there, or is something else, or has more than `max_bytes`.
    """
    if not parts or not all(map(is_plain, parts)):
        raise OSError(errno.EINVAL, "no name of a file below a folder", str(root))
    handle = _opened(root, parts) if _AT else _opened_by_path(root, parts)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", parts[-1])
        if found.st_size > max_bytes:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, at most {max_bytes:,} are read", parts[-1])
        yield file


def read_below(root: Path, parts: Sequence[str], max_bytes: int) -> bytes:
    """The bytes of such a file; raises as `open_below` does."""
    with open_below(root, parts, max_bytes) as file:
        return file.read(max_bytes)


def _opened(root: Path, parts: Sequence[str]) -> int:
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=at)
            os.close(at)
            at = below
        # before opening: that alone may do something to a device
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=at, follow_symlinks=False).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", parts[-1])
        return os.open(parts[-1], _READ | _NO_LINK, dir_fd=at)
    finally:
        os.close(at)


def _opened_by_path(root: Path, parts: Sequence[str]) -> int:
    """Where folders can't be held open, as on Windows."""
    path = Path(os.path.realpath(root)).joinpath(*parts)
    if Path(os.path.realpath(path)) != path:
        raise OSError(errno.ELOOP, "a symbolic link", parts[-1])
    return os.open(path, _READ)
