"""Photos that browsers sent: in a folder of their own, under names of our own, gone when nobody uses them."""

import asyncio
import json
import logging
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from apsi.photo.formats import SUFFIXES
from apsi.photo.names import LONGEST, MOST_BYTES, cut_name, plain_name
from apsi.process import identity, is_alive
from apsi.studio.limits import Limits, too_many_bytes
from apsi.studio.photo import Opened, Prepared
from apsi.web.shell import Refusal

_PREFIX, _OWNER = "apsi-studio-", "owner.json"
_PIECE = 1 << 20  # bytes that are written at a time
_KNOWN = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
_MAX_PREPARED = 6  # files a photo that can be fetched at a time
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Upload:
    """A photo that a browser sent."""

    id: str
    session: str
    name: str
    """as the browser says, made harmless: for showing, and for the names of what is made of it"""
    folder: Path
    path: Path
    used: float
    size: int = 0
    """bytes in its folder, and of the copy in memory"""
    stage: str = "receiving"
    before_it: int = 0
    """jobs that come first"""
    error: str | None = None
    opened: Opened | None = None
    """what is kept once it was decided on"""
    prepared: dict[str, Prepared] = field(default_factory=dict)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    """held while one of them is made"""
    jobs: int = 0
    """that are at work with its files"""
    is_gone: bool = False


class Uploads:
    """All photos of all browsers; used by one event loop only, so that nothing comes between looking and taking."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Upload], None] = lambda upload: None,
    ) -> None:
        """Begins without any.

        Args:
            folder: where they lie; of nobody else.
            limits: how many, how large, how long.
            clock: seconds.
            tell: is called with a photo that is gone.
        """
        self._folder, self.limits, self._clock, self.tell = folder, limits, clock, tell
        self._uploads: dict[str, Upload] = {}
        self.size = self.count = 0

    def of(self, session: str) -> list[Upload]:
        """Those of a browser, in the order in which they came."""
        return [upload for upload in self._uploads.values() if upload.session == session]

    def find(self, session: str, name: str) -> Upload:
        """The photo of this id, used now.

        Raises:
            Refusal: 404, there is none, or another browser sent it, which is not told apart.
        """
        upload = self._uploads.get(name)
        if upload is None or upload.session != session:
            raise gone()
        upload.used = self._clock()
        return upload

    def begin(self, session: str, name: str) -> Upload:
        """A place for a photo that is about to come.

        Args:
            session: of the browser.
            name: as the browser says.

        Raises:
            Refusal: 409, the browser has as many as it may.
        """
        if len(self.of(session)) >= self.limits.max_photos:
            raise Refusal(
                409,
                "This browser has {most} photos here already, and may have no more: remove some first.",
                most=self.limits.max_photos,
            )
        self.count += 1
        number = secrets.token_urlsafe(16)
        folder = self._folder / number
        folder.mkdir(mode=0o700)
        shown = harmless(name)
        suffix = Path(shown).suffix.lower()
        path = folder / f"photo{suffix if suffix in _KNOWN else ''}"
        self._uploads[number] = upload = Upload(number, session, shown, folder, path, self._clock())
        return upload

    async def receive(self, upload: Upload, pieces: AsyncIterator[bytes]) -> None:
        """Writes what comes to disk, up to the limit.

        Raises:
            Refusal: 404, it was removed meanwhile; 413, it is larger than a file may be; 503, all photos together are;
                400, it is empty.
            OSError: the disk is full.
        """
        buffer = bytearray()
        with upload.path.open("wb") as file:
            async for piece in pieces:
                if upload.is_gone:
                    raise gone()
                self.take(upload, len(piece))
                if upload.size > self.limits.max_bytes:
                    raise too_many_bytes(self.limits.max_megabytes)
                buffer += piece
                if len(buffer) >= _PIECE:
                    await run_in_threadpool(file.write, bytes(buffer))
                    buffer.clear()
            await run_in_threadpool(file.write, bytes(buffer))
            await run_in_threadpool(file.flush)
        if not upload.size:
            raise Refusal(400, "The file is empty.")

    def take(self, upload: Upload, size: int) -> None:
        """Counts bytes that a photo takes.

        Raises:
            Refusal: 503, there is no room for them; nothing is counted.
        """
        if size > 0 and self.size + size > self.limits.max_megabytes_in_all * 1e6:
            raise Refusal(
                503, "There is no room for more photos now: remove some, or try again later.", {"Retry-After": "60"}
            )
        upload.size += size
        self.size += size

    def keep(self, upload: Upload, key: str, prepared: Prepared) -> None:
        """A file that can be fetched from now on; the oldest go where there are many."""
        size = prepared.path.stat().st_size
        try:
            self.take(upload, size)
        except Refusal:
            prepared.path.unlink()
            raise
        upload.prepared[key] = prepared
        while len(upload.prepared) > _MAX_PREPARED:
            old = upload.prepared.pop(next(iter(upload.prepared)))
            self.take(upload, -old.path.stat().st_size)
            old.path.unlink()

    @contextmanager
    def at_work(self, upload: Upload) -> Iterator[None]:
        """Its files stay until the block ends, also where it is removed meanwhile."""
        upload.jobs += 1
        try:
            yield
        finally:
            upload.jobs -= 1
            upload.used = self._clock()
            if upload.is_gone and not upload.jobs:
                shutil.rmtree(upload.folder, ignore_errors=True)

    def drop_files(self, upload: Upload) -> None:
        """What can't be used takes no room; that it came, and why it can't, is kept."""
        self.take(upload, -upload.size)
        shutil.rmtree(upload.folder, ignore_errors=True)

    def remove(self, upload: Upload) -> None:
        """Forgets a photo and all that was made of it."""
        if self._uploads.pop(upload.id, None) is None:
            return
        self.take(upload, -upload.size)
        upload.is_gone = True
        upload.opened = None
        if not upload.jobs:
            shutil.rmtree(upload.folder, ignore_errors=True)
        self.tell(upload)

    def remove_old(self) -> None:
        """Forgets what nobody has used for as long as unused photos are kept."""
        oldest = self._clock() - 60 * self.limits.keep_minutes
        for upload in [one for one in self._uploads.values() if one.used < oldest and not one.jobs]:
            self.remove(upload)


def gone() -> Refusal:
    """The refusal of what is asked of a photo that is not there, or of another browser."""
    return Refusal(404, "This photo is not here any more: send it again.")


def harmless(name: str) -> str:
    """A name that a browser sent, as one that is shown and that any file system takes: without folders."""
    last = re.split(r"[\\/]", name)[-1]
    plain = plain_name(last, "").strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if dot and len(suffix) < 10:
        kept = cut_name(stem, LONGEST - len(suffix), MOST_BYTES - len(suffix.encode()))
        return f"{kept.strip(' .') or 'photo'}.{suffix}"
    return cut_name(plain).strip(" .") or "photo"


@contextmanager
def own_folder(within: Path | None = None) -> Iterator[Path]:
    """A folder that only this user can open, removed at the end; those of processes that were killed go now.

    Args:
        within: where it lies; None: where the system has its temporary files.
    """
    within = within or Path(tempfile.gettempdir())
    _remove_left(within)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
    try:
        (folder / _OWNER).write_text(json.dumps(identity()), encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left(within: Path) -> None:
    folder_owner = os.getuid() if hasattr(os, "getuid") else 0  # Windows names no owner, and has a folder for each user
    for folder in within.glob(f"{_PREFIX}*"):
        with suppress(OSError, ValueError, TypeError):  # another user's, or one that is just being made
            is_own = not folder.is_symlink() and folder.lstat().st_uid == folder_owner
            owner = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
            if is_own and not is_alive(*owner):
                shutil.rmtree(folder)
                log.info("Removed the photos of a studio that was killed: %s", folder)
