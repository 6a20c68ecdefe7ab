"""The room of advice: photos come in, what an editor would do to each is shown, explained, changed and fetched."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse

from apsi.photo.hash import value_hash
from apsi.studio.editing import THUMBNAIL, chosen, cropped
from apsi.studio.limits import too_many_bytes
from apsi.studio.photo import PREVIEW, Opened, Prepared, Source
from apsi.studio.telling import crop_said, photo_said, result_said, script_sentences, step_rows
from apsi.studio.uploads import Upload
from apsi.studio.work import Work, opened
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe
from apsi.web.body import body_of
from apsi.web.server import session_of, shell_of
from apsi.web.shell import Refusal, Room

_CHOICES = r"^[a-z0-9.,+-]*$"
_LABEL = r"^[a-z0-9.,:()]*$"
_PACKAGE = "apsi.studio"
_MAX_BODY = 2000  # bytes of what is asked for

Steps = Annotated[str | None, Query(max_length=400, pattern=_CHOICES)]
"""For each step `on`, `off` or a strength, with commas between; None: as decided"""


Cropped = Annotated[str | None, Query(max_length=60, pattern=_LABEL)]
"""The label of a crop; empty: the whole photo; None: as decided"""


class Wanted(BaseModel):
    """A file to prepare."""

    steps: str | None = Field(None, max_length=400, pattern=_CHOICES)
    crop: str | None = Field(None, max_length=60, pattern=_LABEL)
    strip_gps: bool = False


def advice_room(work: Work) -> Room:
    """The room, as the application has it."""
    return Room("advice", "Advice", _PACKAGE, _router(work), work.running, work.end)


def _router(work: Work) -> APIRouter:
    router = APIRouter()

    def find(request: Request, name: str) -> Upload:
        return work.uploads.find(session_of(request), name)

    @router.get("/")
    async def page(request: Request) -> Response:
        limits = work.uploads.limits
        sentences = script_sentences(limits, work.words)
        return shell_of(request).page(request, _PACKAGE, "advice.html.j2", sentences=sentences, limits=limits)

    @router.get("/photos")
    async def photos(request: Request) -> list[dict[str, Any]]:
        return [photo_said(upload, work.words) for upload in work.uploads.of(session_of(request))]

    @router.get("/events")
    async def events(request: Request) -> Response:
        session = session_of(request)
        uploads = work.uploads
        stream = work.events.open(session, lambda: [photo_said(upload, work.words) for upload in uploads.of(session)])
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @router.post("/photos", status_code=201)
    async def send(request: Request, name: Annotated[str, Query(max_length=1000)] = "photo") -> dict[str, Any]:
        upload = await _received(work, request, name)
        work.stage(upload, "received")
        work.begin(upload)
        return photo_said(upload, work.words)

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
            steps=step_rows(found, work.words),
            crop=crop_said(found, work.words),
            said=result_said(found, found.advice, work.words),
            exports=bool(work.editing.exports),
        )

    @router.delete("/photos/{number}", status_code=204)
    async def remove(request: Request, number: str) -> None:
        work.uploads.remove(find(request, number))

    @router.get("/photos/{number}/preview")
    async def preview(request: Request, number: str, steps: Steps = None, crop: Cropped = None) -> Response:
        upload = find(request, number)
        return _picture(await work.preview(request, upload, _recipe(upload, steps, crop), PREVIEW))

    @router.get("/photos/{number}/before")
    async def before(request: Request, number: str, crop: Cropped = None) -> Response:
        found = opened(find(request, number))
        return _picture(await run_in_threadpool(work.editing.before, found, _crop(found, crop)))

    @router.get("/photos/{number}/thumbnail")
    async def thumbnail(request: Request, number: str, steps: Steps = None, crop: Cropped = None) -> Response:
        upload = find(request, number)
        return _picture(await work.preview(request, upload, _recipe(upload, steps, crop), THUMBNAIL))

    @router.get("/photos/{number}/said")
    async def said(request: Request, number: str, steps: Steps = None, crop: Cropped = None) -> dict[str, Any]:
        upload = find(request, number)
        found, recipe = opened(upload), _recipe(upload, steps, crop)
        if await request.is_disconnected():
            return {}
        return result_said(found, await run_in_threadpool(work.editing.said, found, recipe), work.words)

    @router.post("/photos/{number}/files/{kind}", status_code=201)
    async def prepare(request: Request, number: str, kind: str) -> dict[str, Any]:
        upload = find(request, number)
        key, write = _writer(work, upload, kind, await body_of(request, Wanted, _MAX_BODY))
        prepared = await work.prepare(upload, key, write)
        said = [work.words(sentence) for sentence in prepared.said]
        return {"href": f"photos/{upload.id}/files/{key}", "name": prepared.name, "said": said}

    @router.get("/photos/{number}/files/{key}")
    async def fetch(request: Request, number: str, key: str) -> Response:
        prepared = find(request, number).prepared.get(key)
        if prepared is None:
            raise Refusal(404, "This file is not here any more: ask for it again.")
        return FileResponse(prepared.path, filename=prepared.name, media_type="application/octet-stream")

    return router


def _picture(data: bytes | None) -> Response:
    return Response(status_code=204) if data is None else Response(data, media_type="image/jpeg")


async def _received(work: Work, request: Request, name: str) -> Upload:
    """The photo of a request, on disk and small enough; nothing is left of one that is refused."""
    limits = work.uploads.limits
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limits.max_bytes:
        raise too_many_bytes(limits.max_megabytes)
    upload = work.uploads.begin(session_of(request), name)
    try:
        with work.uploads.at_work(upload):
            async with asyncio.timeout(limits.max_seconds):
                await work.uploads.receive(upload, request.stream())
            await run_in_threadpool(work.editing.require_small_enough, upload.path)
    except BaseException as error:
        work.uploads.remove(upload)
        if isinstance(error, TimeoutError):
            raise Refusal(
                408,
                "The photo did not arrive within {most} seconds: send a smaller version, or try again.",
                most=f"{limits.max_seconds:g}",
            ) from error
        raise
    return upload


def _writer(work: Work, upload: Upload, kind: str, wanted: Wanted) -> tuple[str, Callable[[Path], Prepared]]:
    """The name of a file among those of a photo, and what makes it in a folder."""
    recipe, editing = _recipe(upload, wanted.steps, wanted.crop), work.editing
    source = Source(upload.path, upload.name)
    writers: dict[str, Callable[[Path], Prepared]] = {
        "photo": lambda folder: editing.write_photo(
            source, recipe, folder, strip_gps=wanted.strip_gps, going_on=work.jobs.require_going_on
        ),
        "recipe": lambda folder: editing.write_recipe(source, recipe, folder),
        "exports": lambda folder: editing.write_exports(source, recipe, folder),
    }
    if kind not in writers:
        raise Refusal(404, "There is no such file.")
    return f"{kind}-{value_hash([kind, recipe.labels, wanted.strip_gps])}", writers[kind]


def _recipe(upload: Upload, steps: str | None, crop: str | None) -> Recipe:
    found = opened(upload)
    edits = found.edits if steps is None else chosen(found.edits, steps.split(",") if steps else [])
    made = _crop(found, crop)
    return edits if made is None else Recipe((made, *edits))


def _crop(found: Opened, label: str | None) -> Crop | None:
    if label is None:
        return found.crop
    return cropped(label) if label else None
