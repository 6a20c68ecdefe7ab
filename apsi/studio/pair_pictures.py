"""The pictures of pairs: made ahead in threads, and the latest kept in memory."""

import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

from apsi.errors import ApsiError
from apsi.photo.write import encode_jpeg
from apsi.preference.index import PairIndex
from apsi.preference.pair import Pair
from apsi.preference.photos import MissingOriginalError, Originals, shown

_QUALITY = 93
log = logging.getLogger(__name__)

Pictures = tuple[bytes, bytes]
"""JPEG files of the two versions, as the pair was made"""


class PairPictures:
    """What people see of pairs; used by several threads."""

    def __init__(self, index: PairIndex, originals: Originals, size: int, max_bytes: int, workers: int) -> None:
        """Makes nothing yet.

        Args:
            index: the pairs.
            originals: their photos.
            size: pixels of the longer side, at most.
            max_bytes: of all pictures that are kept.
            workers: pairs that are worked on at a time.
        """
        self._index, self._originals, self._size, self._max_bytes = index, originals, size, max_bytes
        self._pool = ThreadPoolExecutor(workers, "pairs")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Pictures] = OrderedDict()
        self._bytes = 0
        self._making: dict[str, Future[Pictures]] = {}
        self._good: set[str] = set()
        self._told: set[str] = set()
        self.left_out: dict[str, str] = {}
        """pairs that can't be shown, with the name of a photo that is to blame"""

    def require_some(self, pairs: Sequence[str]) -> None:
        """Holds the first pairs against the photos that there are.

        Raises:
            ApsiError: not one of them can be shown; it says why the first can't.
        """
        reason = ""
        for name in pairs:
            try:
                self._look_for(self._index.pair(name))
                return
            except ApsiError as error:
                reason = reason or str(error)
        raise ApsiError(
            f"none of the first {len(pairs)} pairs can be shown ({reason}); name the folder of their photos with "
            "dataset=folder dataset.path=FOLDER"
        )

    def can_show(self, name: str) -> bool:
        """Whether the photos of a pair are there as they were; if not, it is left out from now on."""
        if name in self.left_out:
            return False
        if name not in self._good:
            try:
                pair = self._index.pair(name)
            except ApsiError as error:
                self._leave_out(name, name, error)
                return False
            try:
                self._look_for(pair)
            except ApsiError as error:
                self._leave_out(name, pair.left.name, error)
                return False
            self._good.add(name)
        return True

    def ahead(self, names: Iterable[str]) -> None:
        """Begins to make what will be asked for."""
        for name in names:
            self.of(name)

    def of(self, name: str) -> "Future[Pictures]":
        """The pictures of a pair, once they are made; a `MissingOriginalError` where they can't be."""
        with self._lock:
            if (kept := self._kept.get(name)) is not None:
                self._kept.move_to_end(name)
                there: Future[Pictures] = Future()
                there.set_result(kept)
                return there
            if name in self._making:
                return self._making[name]
            made = self._making[name] = self._pool.submit(self._make, name)
        made.add_done_callback(lambda _: self._made(name))
        return made

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends: pictures are made."""
        try:
            yield
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _make(self, name: str) -> Pictures:
        try:
            pair = self._index.pair(name)
            left = self._originals.read(pair.left)
            right = left if pair.right.photo == pair.left.photo else self._originals.read(pair.right)
            made = tuple(
                encode_jpeg(shown(original, version.steps, self._size), _QUALITY)
                for original, version in ((left, pair.left), (right, pair.right))
            )
        except ApsiError as error:
            self._leave_out(name, self._blamed(name), error)
            raise MissingOriginalError(str(error)) from error
        pictures = (made[0], made[1])
        with self._lock:
            self._kept[name] = pictures
            self._bytes += sum(map(len, pictures))
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._bytes -= sum(map(len, old))
        return pictures

    def _made(self, name: str) -> None:
        with self._lock:
            self._making.pop(name, None)

    def _look_for(self, pair: Pair) -> None:
        for version in (pair.left, pair.right):
            self._originals.path(version)
            version.steps  # noqa: B018  # raises where a step is unknown

    def _blamed(self, name: str) -> str:
        try:
            return self._index.pair(name).left.name
        except ApsiError:
            return name

    def _leave_out(self, name: str, photo: str, error: ApsiError) -> None:
        self.left_out[name] = photo
        self._good.discard(name)
        if str(error) not in self._told:
            self._told.add(str(error))
            log.warning("Pairs are left out: %s", error)
