"""Photos on this machine, or on a disk that it sees."""

import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from pydantic import PositiveFloat, PositiveInt

from apsi.acquire.base import Acquire, Fetched, Limits, RefusedError, Watch
from apsi.acquire.direct import Ratio, require_digest, split_url, unpack_file
from apsi.errors import ApsiError
from apsi.photo.file import open_regular

log = logging.getLogger(__name__)

_CHUNK = 2**20


class Local(Acquire):
    """Copies a folder, or unpacks an archive."""

    def __init__(
        self,
        *,
        roots: list[str] | None,
        max_gigabytes: PositiveFloat,
        max_files: PositiveInt,
        max_ratio: Ratio,
        max_depth: PositiveInt,
    ) -> None:
        """Takes the settings; reads nothing yet.

        Args:
            roots: folders below which photos may lie, and that relative paths begin at; None: anywhere.
            max_gigabytes: of all files together.
            max_files: and folders.
            max_ratio: of an archive, bytes in it for each of its own.
            max_depth: folders in folders.
        """
        self.roots = None if roots is None else [Path(os.path.realpath(Path(root).expanduser())) for root in roots]
        self.limits = Limits(max_gigabytes, max_files, max_ratio, max_depth)

    def canonical(self, url: str) -> str:
        return self._place(url).as_uri()

    def fetch(self, url: str, sha256: str | None, into: Path, work: Path, watch: Watch) -> Fetched:
        path = self._place(url)
        is_there = os.path.lexists(path)  # it takes a name that is too long as well
        if not (is_there and path.is_dir()):
            if not (is_there and path.is_file()):
                raise ApsiError(f"url={url}: {path} is neither a folder nor a file; give one that holds photos")
            return unpack_file(path, sha256, into, self.limits, watch=watch)
        inside = Path(os.path.realpath(into))
        if inside.is_relative_to(path):
            raise ApsiError(
                f"url={url}: {path} holds the place that it would be copied to, {inside}; name a folder in it"
            )
        fetched = _Copy(path, into, self.limits, watch).run()
        require_digest(str(path), fetched.sha256, sha256)
        return fetched

    def _place(self, url: str) -> Path:
        parts = split_url(url) if url.lower().startswith("file:") else None
        is_uri = parts is not None and parts.netloc in ("", "localhost")
        if not is_uri and "://" in url:
            raise ApsiError(
                f"url={url} must be a folder or an archive on this machine; a URL is got with acquire=direct"
            )
        named = unquote(parts.path) if parts is not None and is_uri else url
        if "\0" in named:
            raise ApsiError(f"url={named!r} holds a NUL character")
        if self.roots is None:
            return Path(os.path.realpath(Path(named).expanduser()))
        for root in self.roots:
            path = Path(os.path.realpath(root / named))
            if path.is_relative_to(root) and os.path.lexists(path):
                return path
        where = ", ".join(map(str, self.roots)) or "none"
        raise ApsiError(f"url={url} is nothing below a folder that is open to this (roots: {where})")


class _Copy:
    """Copies what a folder holds; links, pipes and devices stay behind.

    What an earlier call copied is not copied again.
    """

    def __init__(self, source: Path, into: Path, limits: Limits, watch: Watch) -> None:
        self._source, self._into, self._limits, self._watch = source, into, limits, watch
        self._size, self._left = 0, 0

    def run(self) -> Fetched:
        self._into.mkdir(parents=True, exist_ok=True)
        names = []
        digest = hashlib.sha256()
        for path in self._files():
            name = path.relative_to(self._source)
            names.append(name)
            of_file = self._copy(path, self._into / name)
            digest.update(os.fsencode(name.as_posix()) + b"\0" + of_file.encode() + b"\n")
        if not names:
            raise ApsiError(f"{self._source} holds no file that can be copied")
        self._remove_others({self._into / name for name in names})
        if self._left:
            log.info("%s: %d links, pipes and devices are left out", self._source, self._left)
        return Fetched(digest.hexdigest(), self._size, len(names), self._size)

    def _files(self) -> Iterator[Path]:
        entries = 0
        for root, folders, names in os.walk(self._source, onerror=_refuse):
            folders.sort()
            depth = len(Path(root).relative_to(self._source).parts)
            entries += len(folders) + len(names)
            if depth > self._limits.max_depth:
                raise RefusedError(f"{root} is deeper than {self._limits.max_depth} folders (acquire.max_depth)")
            if entries > self._limits.max_files:
                raise RefusedError(
                    f"{self._source} has more than {self._limits.max_files:,} entries (acquire.max_files)"
                )
            self._left += sum((Path(root) / folder).is_symlink() for folder in folders)
            for name in sorted(names):
                path = Path(root) / name
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path
                else:
                    self._left += 1

    def _copy(self, source: Path, target: Path) -> str:
        """Copies a file unless that was done; its digest."""
        found = source.stat()
        self._size += found.st_size
        if self._size > self._limits.max_bytes:
            raise RefusedError(
                f"{self._source} holds more than {self._limits.max_gigabytes:g} GB (acquire.max_gigabytes)"
            )
        with suppress(FileNotFoundError):
            before = target.stat()
            if (before.st_size, before.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
                with open_regular(target) as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with open_regular(source) as file, target.open("wb") as copy:
            while data := file.read(_CHUNK):
                digest.update(data)
                copy.write(data)
                self._watch.at("Copying", self._size, None)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))  # at last: a copy without its time is none
        return digest.hexdigest()

    def _remove_others(self, kept: set[Path]) -> None:
        """What an earlier call copied and is gone from the source since."""
        for path in [path for path in self._into.rglob("*") if not path.is_dir() and path not in kept]:
            path.unlink()


def _refuse(error: OSError) -> None:
    raise ApsiError(f"can't read the folder {error.filename}: {error.strerror}; check its permissions") from error
