"""Unpacking archives of others: the same rules for tar and zip, and all of it or nothing."""

import bz2
import errno
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from apsi.acquire.base import Limits, RefusedError, Watch
from apsi.acquire.names import Names
from apsi.errors import ApsiError
from apsi.photo.file import open_regular

_CHUNK = 2**20
_SLACK = 2**20
"""bytes that are no bomb at any ratio"""
_LARGEST_HEADER = 2**23
_BLOCK = 512
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,  # a compression that zipfile does not know
    ValueError,  # names that are not in the encoding that they claim, and headers that hold no number where one belongs
)


@dataclass(frozen=True)
class Unpacked:
    """What was in an archive."""

    files: int
    size: int
    """bytes of all files"""


@dataclass(frozen=True)
class _Member:
    name: str
    is_folder: bool
    size: int
    """as the archive says"""
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, into: Path, limits: Limits, watch: Watch, kind: str | None = None) -> Unpacked:
    """Unpacks a tar (plain or compressed) or zip file; archives in it stay closed.

    Only files and folders come out, under names that stay in the folder, with this user's usual permissions.

    Args:
        archive: the file; its content, not its name, says what it is.
        into: the folder, made anew; it is removed where the archive is refused.
        limits: what it may hold.
        watch: is told how far it is.
        kind: `tar` or `zip`, where only that is allowed.

    Raises:
        RefusedError: it is no such archive, is damaged, or breaks a rule; the message names the entry.
        ApsiError: the disk is full, or this Python is too old to do it safely.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        with open_regular(archive) as file:
            budget = _Budget(limits, archive.stat().st_size)
            found, members = _opened(file, limits, budget)
            if kind not in (None, found):
                raise RefusedError(f"it is a {found} file, and no {kind} file")
            return _write(members, into, limits, budget, watch)
    except RefusedError as error:
        shutil.rmtree(into)
        raise RefusedError(f"{archive.name} is not unpacked: {error}. Nothing of it was kept") from error
    except _UNREADABLE as error:
        shutil.rmtree(into)
        raise RefusedError(f"{archive.name} is damaged or cut off ({error}). Nothing of it was kept") from error
    except BaseException as error:
        shutil.rmtree(into, ignore_errors=True)
        # bz2 and gzip say so that their data are wrong, and zipfile seeks wherever a damaged directory says
        if isinstance(error, OSError) and error.filename is None and error.errno in (None, errno.EINVAL):
            raise RefusedError(f"{archive.name} is damaged or cut off ({error}). Nothing of it was kept") from error
        raise


class _Budget:
    """Bytes that may still be written; counted as they come, whatever headers say."""

    def __init__(self, limits: Limits, archive_size: int) -> None:
        self._limits, self._archive_size, self.taken = limits, archive_size, 0
        by_ratio = int(limits.max_ratio * archive_size) + _SLACK
        self.most, self._by_ratio = min(limits.max_bytes, by_ratio), by_ratio < limits.max_bytes

    def require(self, size: int) -> None:
        """Raises where so many bytes in all are too many."""
        if size <= self.most:
            return
        if self._by_ratio:
            raise RefusedError(
                f"its {self._archive_size:,} bytes unpack to more than {self.most:,}, above {self._limits.max_ratio:g} "
                "for one (acquire.max_ratio)"
            )
        raise RefusedError(f"it holds more than {self._limits.max_gigabytes:g} GB (acquire.max_gigabytes)")

    def take(self, size: int) -> None:
        self.taken += size
        self.require(self.taken)


def _opened(file: IO[bytes], limits: Limits, budget: _Budget) -> tuple[str, Iterator[_Member]]:
    head = file.read(8)
    file.seek(0)
    if head.startswith(_ZIP):
        return "zip", _zip_members(file, limits, budget)
    return "tar", _tar_members(_decompressed(file, head), limits, budget)


def _write(members: Iterator[_Member], into: Path, limits: Limits, budget: _Budget, watch: Watch) -> Unpacked:
    names, files, entries = Names(limits.max_depth), 0, 0
    for member in members:
        entries += 1
        if entries > limits.max_files:
            raise RefusedError(f"it has more than {limits.max_files:,} entries (acquire.max_files)")
        budget.require(budget.taken + member.size)
        place = names.place(member.name, member.is_folder)
        if place is None:
            continue
        path = into / place
        if member.is_folder:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        files += 1
        written = 0
        with member.open() as source, path.open("xb") as target:
            while data := source.read(_CHUNK):
                budget.take(len(data))
                target.write(data)
                written += len(data)
                watch.at("Unpacking", budget.taken, None)
        if written != member.size:
            raise RefusedError(f"{member.name!r} has {written:,} bytes, and not {member.size:,} as it says")
        watch.at("Unpacking", budget.taken, None)
    if not files:
        raise RefusedError("it holds no file")
    return Unpacked(files, budget.taken)


# zip


def _zip_members(file: IO[bytes], limits: Limits, budget: _Budget) -> Iterator[_Member]:
    directory = _directory_size(file)
    if directory // 46 > limits.max_files:  # each entry has so many bytes at least, and all are read at once
        raise RefusedError(f"it has more than {limits.max_files:,} entries (acquire.max_files)")
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        budget.require(sum(info.file_size for info in infos))
        for info in infos:
            yield _zip_member(archive, info)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    name = info.orig_filename.replace("\\", "/") if "/" not in info.orig_filename else info.orig_filename
    if info.flag_bits & 0x1:
        raise RefusedError(f"{name!r} is encrypted; unpack it yourself and use acquire=local")
    mode = stat.S_IFMT(info.external_attr >> 16)
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RefusedError(f"{name!r} is {_KINDS.get(mode, 'no file')}")
    is_folder = name.endswith("/") or mode == stat.S_IFDIR
    if is_folder and info.file_size:
        raise RefusedError(f"{name!r} is a folder with content")
    return _Member(name, is_folder, info.file_size, lambda: archive.open(info))


_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def _directory_size(file: IO[bytes]) -> int:
    """Bytes of the list of entries, from the record at the end of the file; it is read before they are."""
    end = file.seek(0, io.SEEK_END)
    start = max(0, end - 65536 - 22)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise RefusedError("it is a zip file without its end")
    size: int = struct.unpack_from("<I", tail, at + 12)[0]
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # whatever the record itself says, readers follow this
        file.seek(struct.unpack_from("<Q", tail, at - 12)[0])
        record = file.read(56)
        if len(record) < 56 or record[:4] != b"PK\x06\x06":
            raise RefusedError("it is a zip file with a damaged end")
        size = struct.unpack_from("<Q", record, 40)[0]
    file.seek(0)
    return size


# tar


def _decompressed(file: IO[bytes], head: bytes) -> IO[bytes]:
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if head.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(file))
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return cast(IO[bytes], lzma.LZMAFile(file))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        try:
            zstd: Any = import_module("compression.zstd")
        except ImportError as error:
            raise ApsiError(
                "the archive is compressed with Zstandard, which takes Python 3.14; unpack it yourself and use "
                "acquire=local"
            ) from error
        return cast(IO[bytes], zstd.ZstdFile(file))
    return file


class _Bounded(io.RawIOBase):
    """What tarfile reads from: it goes no further, and takes no more at once, than an honest archive needs."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most, self._at = file, most, 0
        self.last = b""
        """what was read last"""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise RefusedError(f"it has a header of {size:,} bytes")
        self._require(self._at + size)
        self.last = self._file.read(size)
        self._at += len(self.last)
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the beginning")
        self._require(offset)
        self._at = self._file.seek(offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _require(self, offset: int) -> None:
        if offset > self._most:
            raise RefusedError(f"it is longer than {self._most:,} bytes (acquire.max_ratio, acquire.max_gigabytes)")


def _tar_members(file: IO[bytes], limits: Limits, budget: _Budget) -> Iterator[_Member]:
    safe = getattr(tarfile, "data_filter", None)
    if safe is None:
        raise ApsiError("unpacking tar files safely takes Python 3.11.4 or later; install a newer one")
    bounded = _Bounded(file, budget.most + 8 * _BLOCK * limits.max_files)
    try:
        archive = tarfile.TarFile(fileobj=cast(IO[bytes], bounded))
    except (tarfile.ReadError, OSError) as error:
        raise RefusedError(_no_archive(file, error)) from error
    with archive:
        while (info := archive.next()) is not None:
            yield _tar_member(archive, info, safe)
            archive.members = []  # type: ignore[attr-defined]  # undocumented: tarfile would keep them all in memory
        if bounded.last.strip(b"\0") or len(bounded.last) < _BLOCK:
            raise RefusedError("it is damaged or cut off: what follows its last whole entry is no end of a tar file")
        while bounded.read(_CHUNK):  # to the end, where the checksum of compressed data stands
            pass


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, safe: Callable[..., object]) -> _Member:
    if info.issym() or info.islnk():
        what = "a symbolic link" if info.issym() else "a hard link"
        raise RefusedError(f"{info.name!r} is {what} to {info.linkname!r}")
    if not (info.isreg() or info.isdir()):
        raise RefusedError(f"{info.name!r} is {'a named pipe' if info.isfifo() else 'a device or something else'}")
    size = 0 if info.isdir() else info.size

    def opened() -> IO[bytes]:
        try:
            safe(info, "/nowhere/at/all")  # Python's own rules as well, once ours have let it pass
        except tarfile.FilterError as error:
            raise RefusedError(f"{info.name!r}: {error}") from error
        return cast(IO[bytes], archive.extractfile(info))

    return _Member(info.name, info.isdir(), size, opened)


def _no_archive(file: IO[bytes], error: Exception) -> str:
    try:
        file.seek(0)
        head = file.read(64)
    except (OSError, *_UNREADABLE):
        return f"it is no archive that can be read ({error})"
    if head.lstrip()[:1] == b"<":
        return f"it is no archive but a web page ({head[:40]!r}); is the URL that of the file itself?"
    return f"it is neither a tar nor a zip file ({error})" if head else "it is empty"
