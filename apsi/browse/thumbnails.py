"""Small pictures: made by threads in the background, kept on the disk, the latest that was asked for first."""

import hashlib
import io
import logging
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from PIL import Image

from apsi.browse.photos import NoPictureError
from apsi.photo import Photo
from apsi.photo.write import atomic

SIZE = 256
"""Pixels of the longer side, at most"""
_QUALITY = 75
_MOST_WAITING = 500  # of those that somebody waits for; the oldest are given up, as their cells are out of sight
_SHRINK_TO = 0.8
log = logging.getLogger(__name__)

Make = Callable[[], Photo]
Prepare = Callable[[], tuple[str, Make]]
"""The name of a small picture and how it is made, found out when it is its turn; or a `NoPictureError`"""


def webp(photo: Photo, size: int | None = None, quality: int = _QUALITY) -> bytes:
    """A photo as a WebP file, made smaller where it is larger than `size`; quality 100 is lossless."""
    image = Image.fromarray(photo)
    if size is not None and max(image.size) > size:
        image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, lossless=quality == 100, method=2)
    return buffer.getvalue()


class Thumbnails:
    """What is asked for is made before what may be asked for next; used by several threads."""

    def __init__(self, folder: Path, max_bytes: int, workers: int) -> None:
        """Begins with what the folder holds.

        Args:
            folder: of the files; of nobody else.
            max_bytes: of all files, about; those that were not looked at for longest are removed.
            workers: pictures that are made at a time.
        """
        self._folder, self._max_bytes, self._workers = folder, max_bytes, workers
        self._changed = threading.Condition()
        self._asked: OrderedDict[str, tuple[Make, Future[bytes]]] = OrderedDict()
        self._ahead: deque[Prepare] = deque()
        self._making: dict[str, Future[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._bytes = -1
        self._is_over = False

    def find(self, key: str) -> bytes | None:
        """One that is there already."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            if not data.startswith(b"RIFF"):  # half of a file is none
                return None
            os.utime(path)
        except OSError:
            return None
        return data

    def of(self, key: str, make: Make) -> "Future[bytes]":
        """One that somebody waits for; a `NoPictureError` where it can't be made."""
        with self._changed:
            self._begin()
            if key in self._making:
                return self._making[key]
            if key in self._asked:
                self._asked.move_to_end(key)
                return self._asked[key][1]
            waiting: Future[bytes] = Future()
            self._asked[key] = make, waiting
            given_up = [self._asked.popitem(last=False)[1] for _ in range(len(self._asked) - _MOST_WAITING)]
            self._changed.notify()
        for _, old in given_up:
            old.cancel()
        return waiting

    def ahead(self, wanted: Iterable[Prepare]) -> None:
        """What may be asked for next, the most likely first; what was said before is forgotten."""
        with self._changed:
            self._begin()
            self._ahead = deque(wanted)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing new is made."""
        with self._changed:
            self._is_over = True
            waiting = [future for _, future in self._asked.values()]
            self._asked.clear()
            self._ahead.clear()
            self._changed.notify_all()
        for future in waiting:
            future.cancel()

    def _begin(self) -> None:
        if not self._threads and not self._is_over:
            self._threads = [
                threading.Thread(target=self._work, name=f"thumbnails-{i}", daemon=True) for i in range(self._workers)
            ]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._asked and not self._ahead and not self._is_over:
                    self._changed.wait()
                if self._is_over:
                    return
                asked = self._asked.popitem() if self._asked else None
                if asked is not None:
                    self._making[asked[0]] = asked[1][1]
                else:
                    prepare = self._ahead.popleft()
            if asked is None:
                self._make_ahead(prepare)
                continue
            key, (make, future) = asked
            try:
                self._settle(future, key, make)
            finally:
                with self._changed:
                    self._making.pop(key, None)

    def _make_ahead(self, prepare: Prepare) -> None:
        try:
            key, make = prepare()
            if not self._path(key).exists():
                self._keep(key, webp(make(), SIZE))
        except Exception as error:  # who asks for it is told why
            log.debug("A small picture was not made ahead: %s", error)

    def _settle(self, future: "Future[bytes]", key: str, make: Make) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            data = self.find(key)
            if data is None:
                data = webp(make(), SIZE)
                self._keep(key, data)
            future.set_result(data)
        except NoPictureError as error:
            future.set_exception(error)
        except Exception as error:  # the worker is there for others too
            log.warning("A small picture could not be made: %s", error)
            future.set_exception(NoPictureError(str(error)))

    def _keep(self, key: str, data: bytes) -> None:
        path = self._path(key)
        try:
            with atomic(path) as temporary:
                temporary.write_bytes(data)
        except OSError as error:  # shown all the same
            log.warning("A small picture is not kept: %s", error)
            return
        with self._changed:
            is_known = self._bytes >= 0
            self._bytes = self._bytes + len(data) if is_known else 0
        if not is_known or self._bytes > self._max_bytes:
            self._shrink()

    def _shrink(self) -> None:
        """Counts what there is, and removes the oldest where it is too much."""
        files = []
        for path in self._folder.glob("??/*"):
            with suppress(OSError):
                stat = path.stat()
                files.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        if total > self._max_bytes:
            for _, size, path in sorted(files):
                if total <= _SHRINK_TO * self._max_bytes:
                    break
                path.unlink(missing_ok=True)
                total -= size
        with self._changed:
            self._bytes = total

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        return self._folder / name[:2] / f"{name[2:]}.webp"
