"""The room of advice: photos come in, what an editor would do to each is shown, explained, changed and fetched."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse

from apsi.advise.words import Words
from apsi.photo.hash import value_hash
from apsi.studio.editing import THUMBNAIL, Editing, chosen, unreadable
from apsi.studio.events import Events
from apsi.studio.jobs import Jobs, StoppedError
from apsi.studio.limits import too_many_bytes
from apsi.studio.photo import PREVIEW, Opened, Prepared, Source
from apsi.studio.telling import SCRIPT_SENTENCES, photo_said, result_said, step_rows
from apsi.studio.uploads import GONE, Upload, Uploads
from apsi.transform.recipe import Recipe
from apsi.web.server import session_of, shell_of
from apsi.web.shell import Refusal, Room, error_said

_CHOICES = r"^[a-z0-9.,+-]*$"
_CLEANING = 20.0  # seconds between looks for photos that nobody uses
_PACKAGE = "apsi.studio"
_MAX_BODY = 2000  # bytes of what is asked for

Steps = Annotated[str | None, Query(max_length=400, pattern=_CHOICES)]
"""For each step `on`, `off` or a strength, with commas between; None: as decided"""


class Wanted(BaseModel):
    """A file to prepare."""

    steps: str | None = Field(None, max_length=400, pattern=_CHOICES)
    strip_gps: bool = False


class AdviceRoom:
    """Photos, and the work on them."""

    def __init__(self, uploads: Uploads, editing: Editing, jobs: Jobs, words: Words) -> None:
        self.uploads, self.editing, self.jobs, self.words = uploads, editing, jobs, words
        self.events = Events()
        self._tasks: set[asyncio.Task[None]] = set()
        self._previewing: dict[str, asyncio.Lock] = {}
        self._drawing = asyncio.Semaphore(jobs.workers)  # apart from the jobs, as a hand waits for it
        uploads.tell = self._told_gone

    def room(self) -> Room:
        """As the application has it."""
        return Room("advice", "Advice", _PACKAGE, _router(self), self._running, self._end)

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
        if key in upload.prepared:
            return upload.prepared[key]
        folder = upload.folder / key
        with self.uploads.at_work(upload):
            await run_in_threadpool(folder.mkdir, mode=0o700, exist_ok=True)
            prepared = await self.jobs.run(lambda: write(folder))
            if upload.is_gone:
                raise Refusal(404, GONE)
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
                upload.opened = found
                self.stage(upload, "edited")
        except (StoppedError, asyncio.CancelledError):
            return
        except Exception as error:  # whatever it is, it is of this photo
            self.fail(upload, error)

    def fail(self, upload: Upload, error: Exception) -> None:
        """A photo that can't be used: that it came, and why not, stays to be read."""
        upload.error = unreadable(error, Source(upload.path, upload.name)) or error_said(error, self.words)
        if not upload.is_gone:
            self.uploads.drop_files(upload)
        self.stage(upload, "failed")

    def _told_gone(self, upload: Upload) -> None:
        self.editing.forget(upload.id)
        self._previewing.pop(upload.id, None)
        self.events.send(upload.session, {"id": upload.id, "stage": "gone"})

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        cleaning = asyncio.create_task(self._clean())
        try:
            yield
        finally:
            cleaning.cancel()
            self._end()
            for task in self._tasks:
                task.cancel()
            await asyncio.to_thread(self.jobs.stop)

    def _end(self) -> None:
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
        raise Refusal(422, upload.error.replace("{", "(").replace("}", ")"))
    if upload.opened is None:
        raise Refusal(409, "This photo is still being worked on: wait a moment.")
    return upload.opened


def _recipe(upload: Upload, steps: str | None) -> Recipe:
    found = opened(upload)
    if steps is None:
        return found.recipe
    return chosen(found.recipe, steps.split(",") if steps else [])


def _router(room: AdviceRoom) -> APIRouter:
    router = APIRouter()

    def find(request: Request, name: str) -> Upload:
        return room.uploads.find(session_of(request), name)

    @router.get("/")
    async def page(request: Request) -> Response:
        sentences = {name: room.words(sentence) for name, sentence in SCRIPT_SENTENCES.items()}
        return shell_of(request).page(
            request, _PACKAGE, "advice.html.j2", sentences=sentences, limits=room.uploads.limits
        )

    @router.get("/photos")
    async def photos(request: Request) -> list[dict[str, Any]]:
        return [photo_said(upload, room.words) for upload in room.uploads.of(session_of(request))]

    @router.get("/events")
    async def events(request: Request) -> Response:
        session = session_of(request)
        uploads = room.uploads
        stream = room.events.open(session, lambda: [photo_said(upload, room.words) for upload in uploads.of(session)])
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @router.post("/photos", status_code=201)
    async def send(request: Request, name: Annotated[str, Query(max_length=1000)] = "photo") -> dict[str, Any]:
        upload = await _received(room, request, name)
        room.stage(upload, "received")
        room.begin(upload)
        return photo_said(upload, room.words)

    @router.get("/photos/{number}")
    async def panel(request: Request, number: str) -> Response:
        upload = find(request, number)
        found = opened(upload)
        return shell_of(request).page(
            request,
            _PACKAGE,
            "panel.html.j2",
            number=upload.id,
            name=upload.name,
            opened=found,
            steps=step_rows(found, room.words),
            said=result_said(found, found.advice, room.words),
            exports=bool(room.editing.exports),
        )

    @router.delete("/photos/{number}", status_code=204)
    async def remove(request: Request, number: str) -> None:
        room.uploads.remove(find(request, number))

    @router.get("/photos/{number}/preview")
    async def preview(request: Request, number: str, steps: Steps = None) -> Response:
        upload = find(request, number)
        return _picture(await room.preview(request, upload, _recipe(upload, steps), PREVIEW))

    @router.get("/photos/{number}/before")
    async def before(request: Request, number: str) -> Response:
        found = opened(find(request, number))
        return _picture(await run_in_threadpool(room.editing.before, found))

    @router.get("/photos/{number}/thumbnail")
    async def thumbnail(request: Request, number: str, steps: Steps = None) -> Response:
        upload = find(request, number)
        return _picture(await room.preview(request, upload, _recipe(upload, steps), THUMBNAIL))

    @router.get("/photos/{number}/said")
    async def said(request: Request, number: str, steps: Steps = None) -> dict[str, Any]:
        upload = find(request, number)
        found, recipe = opened(upload), _recipe(upload, steps)
        if await request.is_disconnected():
            return {}
        return result_said(found, await run_in_threadpool(room.editing.said, found, recipe), room.words)

    @router.post("/photos/{number}/files/{kind}", status_code=201)
    async def prepare(request: Request, number: str, kind: str) -> dict[str, Any]:
        upload = find(request, number)
        key, write = _writer(room, upload, kind, await _wanted(request))
        prepared = await room.prepare(upload, key, write)
        said = [room.words(sentence) for sentence in prepared.said]
        return {"href": f"photos/{upload.id}/files/{key}", "name": prepared.name, "said": said}

    @router.get("/photos/{number}/files/{key}")
    async def fetch(request: Request, number: str, key: str) -> Response:
        prepared = find(request, number).prepared.get(key)
        if prepared is None:
            raise Refusal(404, "This file is not here any more: ask for it again.")
        return FileResponse(prepared.path, filename=prepared.name, media_type="application/octet-stream")

    return router


async def _wanted(request: Request) -> Wanted:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY:
            raise Refusal(413, "The request is too long.")
    try:
        return Wanted.model_validate_json(body)
    except ValidationError as error:
        wrong = ", ".join(str((*found["loc"], "JSON")[0]) for found in error.errors())
        raise Refusal(422, "The request is not understood: {wrong}.", wrong=wrong) from error


def _picture(data: bytes | None) -> Response:
    return Response(status_code=204) if data is None else Response(data, media_type="image/jpeg")


async def _received(room: AdviceRoom, request: Request, name: str) -> Upload:
    """The photo of a request, on disk and small enough; nothing is left of one that is refused."""
    limits = room.uploads.limits
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limits.max_bytes:
        raise too_many_bytes(limits.max_megabytes)
    upload = room.uploads.begin(session_of(request), name)
    try:
        with room.uploads.at_work(upload):
            async with asyncio.timeout(limits.max_seconds):
                await room.uploads.receive(upload, request.stream())
            await run_in_threadpool(room.editing.require_small_enough, upload.path)
    except BaseException as error:
        room.uploads.remove(upload)
        if isinstance(error, TimeoutError):
            raise Refusal(
                408,
                "The photo did not arrive within {most} seconds: send a smaller version, or try again.",
                most=f"{limits.max_seconds:g}",
            ) from error
        raise
    return upload


def _writer(room: AdviceRoom, upload: Upload, kind: str, wanted: Wanted) -> tuple[str, Callable[[Path], Prepared]]:
    """The name of a file among those of a photo, and what makes it in a folder."""
    recipe, editing = _recipe(upload, wanted.steps), room.editing
    source = Source(upload.path, upload.name)
    writers: dict[str, Callable[[Path], Prepared]] = {
        "photo": lambda folder: editing.write_photo(
            source, recipe, folder, strip_gps=wanted.strip_gps, going_on=room.jobs.require_going_on
        ),
        "recipe": lambda folder: editing.write_recipe(source, recipe, folder),
        "exports": lambda folder: editing.write_exports(source, recipe, folder),
    }
    if kind not in writers:
        raise Refusal(404, "There is no such file.")
    return f"{kind}-{value_hash([kind, recipe.labels, wanted.strip_gps])}", writers[kind]
