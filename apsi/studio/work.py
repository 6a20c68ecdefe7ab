"""What is done with the photos of a room: in line, in threads, told to browsers as it happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from apsi.advise.words import Words
from apsi.studio.editing import Editing, unreadable
from apsi.studio.events import Events
from apsi.studio.jobs import Jobs
from apsi.studio.photo import Opened, Prepared, Source
from apsi.studio.telling import photo_said
from apsi.studio.uploads import Upload, Uploads, gone
from apsi.transform.recipe import Recipe
from apsi.web.shell import Refusal, error_said

_CLEANING = 20.0  # seconds between looks for photos that nobody uses


class Work:
    """The photos of a room, and the work on them; used by one event loop only."""

    def __init__(self, uploads: Uploads, editing: Editing, jobs: Jobs, words: Words) -> None:
        self.uploads, self.editing, self.jobs, self.words = uploads, editing, jobs, words
        self.events = Events()
        self._tasks: set[asyncio.Task[None]] = set()
        self._previewing: dict[str, asyncio.Lock] = {}
        self._drawing = asyncio.Semaphore(jobs.workers)  # apart from the jobs, as somebody waits for it
        uploads.tell = self._told_gone

    def begin(self, upload: Upload) -> None:
        """Works on a photo that has come, without keeping anybody waiting."""
        task = asyncio.create_task(self._work(upload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stage(self, upload: Upload, stage: str, before_it: int = 0) -> None:
        """What becomes of a photo, to be told to its browser."""
        upload.stage, upload.before_it = stage, before_it
        if not upload.is_gone:
            self.events.send(upload.session, photo_said(upload, self.words))

    async def preview(self, request: Request, upload: Upload, recipe: Recipe, size: int) -> bytes | None:
        """A JPEG file; None where nobody waits for it any more, as a later one was asked for."""
        async with self._previewing.setdefault(upload.id, asyncio.Lock()), self._drawing:
            if await request.is_disconnected():
                return None
            return await run_in_threadpool(self.editing.preview, upload.id, opened(upload), recipe, size)

    async def prepare(self, upload: Upload, key: str, write: Callable[[Path], Prepared]) -> Prepared:
        """A file of a photo, made where it is not there yet."""
        folder = upload.folder / key
        async with upload.making:
            if key in upload.prepared:
                return upload.prepared[key]
            with self.uploads.at_work(upload):
                await run_in_threadpool(folder.mkdir, mode=0o700, exist_ok=True)
                prepared = await self.jobs.run(lambda: write(folder))
                if upload.is_gone:
                    raise gone()
                self.uploads.keep(upload, key, prepared)
        return prepared

    async def _work(self, upload: Upload) -> None:
        loop = asyncio.get_running_loop()

        def tell(stage: str) -> None:
            self.jobs.require_going_on()
            loop.call_soon_threadsafe(self.stage, upload, stage)

        def waits(before_it: int) -> None:
            self.stage(upload, "waiting" if before_it else "received", before_it)

        try:
            with self.uploads.at_work(upload):
                found = await self.jobs.run(lambda: self.editing.open(Source(upload.path, upload.name), tell), waits)
                await run_in_threadpool(self.editing.preview, upload.id, found, found.recipe)
            if not upload.is_gone:
                self.uploads.take(upload, found.large.pixels.nbytes)
                upload.opened = found
                self.stage(upload, "edited")
        except Exception as error:  # whatever it is, it is of this photo
            if not self.jobs.is_stopping:
                self.fail(upload, error)

    def fail(self, upload: Upload, error: Exception) -> None:
        """A photo that can't be used: that it came, and why not, stays to be read."""
        reason = unreadable(error, Source(upload.path, upload.name))
        say = self.words
        upload.error = say("It can't be edited: {reason}.", reason=reason) if reason else error_said(error, say)
        if not upload.is_gone:
            self.uploads.drop_files(upload)
        self.stage(upload, "failed")

    def _told_gone(self, upload: Upload) -> None:
        self.editing.forget(upload.id)
        self._previewing.pop(upload.id, None)
        self.events.send(upload.session, {"id": upload.id, "stage": "gone"})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends: photos that nobody uses are removed, and at the end nothing is at work any more."""
        cleaning = asyncio.create_task(self._clean())
        try:
            yield
        finally:
            cleaning.cancel()
            self.end()
            for task in self._tasks:
                task.cancel()
            await asyncio.to_thread(self.jobs.stop)

    def end(self) -> None:
        """Nothing new is begun, and streams are to end."""
        self.jobs.is_stopping = True
        self.events.end()

    async def _clean(self) -> None:
        while True:
            await asyncio.sleep(_CLEANING)
            self.uploads.remove_old()


def opened(upload: Upload) -> Opened:
    """What is kept of a photo.

    Raises:
        Refusal: 409, it was not decided on yet; 422, it can't be used.
    """
    if upload.error is not None:
        raise Refusal(422, upload.error)
    if upload.opened is None:
        raise Refusal(409, "This photo is still being worked on: wait a moment.")
    return upload.opened
