"""The room where all photos and runs are seen."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from apsi.advise.words import Words
from apsi.browse.photos import NoPictureError
from apsi.browse.wanted import Wanted
from apsi.studio.browsing import Browsing
from apsi.web.body import body_of
from apsi.web.server import shell_of
from apsi.web.shell import Refusal, Room, is_full

_PACKAGE = "apsi.studio"
_MAX_BODY = 2_000  # bytes
_MAX_WINDOW = 400  # photos
_SHORT = {"Cache-Control": "private, max-age=60"}
T = TypeVar("T")


class Starred(BaseModel):
    """A photo that gets a star, or loses it."""

    photo: str = Field(pattern=r"^[0-9a-f]{15}$")
    starred: bool


class Nothing(BaseModel):
    """A request that says nothing."""


def browse_room(browsing: Browsing, language: Words) -> Room:
    """The room, as the application has it."""
    return Room("browse", "Photos", _PACKAGE, _router(browsing, language), browsing.running, browsing.indexing.stop)


def _router(browsing: Browsing, words: Words) -> APIRouter:
    router = APIRouter()

    def looked_up(work: Callable[..., T], *arguments: Any) -> T:
        with browsing.reading():
            return work(*arguments)

    async def ask(work: Callable[..., T], *arguments: Any) -> T:
        return await run_in_threadpool(looked_up, work, *arguments)

    @router.get("/")
    async def page(request: Request) -> Response:
        browsing.indexing.begin()
        return shell_of(request).page(request, _PACKAGE, "browse.html.j2", sentences=script_sentences(words))

    @router.get("/state")
    async def state() -> dict[str, Any]:
        return await ask(browsing.state, words)

    @router.post("/look")
    async def look(request: Request) -> dict[str, Any]:
        await body_of(request, Nothing, _MAX_BODY)
        browsing.indexing.begin()
        return await ask(browsing.state, words)

    @router.post("/stop")
    async def stop(request: Request) -> dict[str, Any]:
        await body_of(request, Nothing, _MAX_BODY)
        browsing.indexing.stop()
        return await ask(browsing.state, words)

    @router.get("/photos")
    async def photos(request: Request) -> dict[str, Any]:
        start, count = (_whole(request, name) for name in ("from", "count"))
        return await ask(browsing.window, _wanted(request), start, min(count, _MAX_WINDOW))

    @router.get("/counts")
    async def counts(request: Request) -> dict[str, Any]:
        return await ask(browsing.counts, _wanted(request))

    @router.get("/photos/{photo}")
    async def photo(photo: str) -> dict[str, Any]:
        return await ask(browsing.photo, _id(photo), words)

    @router.get("/places/{photo}")
    async def place(photo: str, request: Request) -> dict[str, Any]:
        return {"place": await ask(browsing.place, _wanted(request), _id(photo))}

    @router.get("/thumbnails/{photo}/{kind}")
    async def thumbnail(photo: str, kind: str) -> Response:
        try:
            data = await ask(browsing.found_thumbnail, _id(photo), kind)
            if data is None:
                data = await asyncio.shield(asyncio.wrap_future(await ask(browsing.thumbnail, _id(photo), kind)))
        except NoPictureError as error:
            raise _gone() from error
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise Refusal(503, "The picture is out of sight by now.") from error
        return Response(data, media_type="image/webp", headers=_SHORT)

    @router.get("/pictures/{photo}/{kind}")
    async def picture(photo: str, kind: str) -> Response:
        try:
            data = await ask(browsing.picture, _id(photo), kind)
        except NoPictureError as error:
            raise _gone(str(error) if kind not in ("photo", "original") else "") from error
        return Response(data, media_type="image/webp", headers=_SHORT)

    @router.post("/stars")
    async def star(request: Request) -> dict[str, Any]:
        said = await body_of(request, Starred, _MAX_BODY)
        return {"starred": await ask(_written, browsing.star, _id(said.photo), said.starred)}

    @router.get("/starred.csv")
    async def starred_csv() -> Response:
        return _download(await ask(browsing.starred_csv), "text/csv", "starred.csv")

    @router.get("/starred.txt")
    async def starred_txt() -> Response:
        return _download(await ask(browsing.starred_lines), "text/plain", "starred.txt")

    @router.post("/dataset")
    async def dataset(request: Request) -> dict[str, Any]:
        await body_of(request, Nothing, _MAX_BODY)
        made, command = await ask(_written, browsing.new_dataset)
        said = words.plural(
            "{n} photo is in a data set of its own now.", "{n} photos are in a data set of their own now.", made.count
        )
        return {"said": said, "left_out": made.left_out, "command": command}

    @router.post("/pairs")
    async def pairs(request: Request) -> dict[str, Any]:
        await body_of(request, Nothing, _MAX_BODY)
        count, command = await ask(_written, browsing.new_pairs)
        said = words.plural("{n} new pair of starred photos.", "{n} new pairs of starred photos.", count)
        return {"said": said, "left_out": 0, "command": command}

    return router


def _written(work: Callable[..., T], *arguments: Any) -> T:
    try:
        return work(*arguments)
    except OSError as error:
        if not is_full(error):
            raise
        raise Refusal(507, "The disk of the server is full: make room there, and try again.") from error


def _wanted(request: Request) -> Wanted:
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    try:
        return Wanted.of(query)
    except ValueError as error:
        raise Refusal(422, "The request is not understood: {wrong}.", wrong=error) from error


def _whole(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Refusal(422, "The request is not understood: {wrong}.", wrong=name)
    return int(text)


def _id(text: str) -> int:
    if len(text) != 15 or not set(text) <= set("0123456789abcdef"):
        raise Refusal(404, "There is no such photo.")
    return int(text, 16)


def _gone(reason: str = "") -> Refusal:
    if reason:
        return Refusal(410, "This picture can't be shown: {reason}", reason=reason)
    return Refusal(410, "This picture can't be shown: its file is gone, or is not what it was.")


def _download(text: str, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=headers)


def script_sentences(words: Words) -> dict[str, str]:
    """What the page's script says, by the names that it uses; it fills in the values that are missing."""
    return {
        "no_answer": words("The server does not answer: is it still running?"),
        "found": words("{n} of {total} photos"),
        "none": words("No photo is like this. Take a filter away."),
        "nothing": words("There are no prepared photos yet: make some with task=preprocess."),
        "reading": words("Reading {file}: {done} of {total} MB"),
        "looking": words("Looking for photos …"),
        "stopped": words("Stopped. Some photos may be missing; Look again goes on."),
        "failed": words("The index could not be made: {reason}"),
        "kept": words("here"),
        "dropped": words("dropped"),
        "skipped": words("skipped"),
        "starred": words("starred"),
        "star": words("Star"),
        "unstar": words("Take the star away"),
        "gone": words("no picture"),
        "score": words("Score"),
        "initial": words("Score of the original"),
        "improvement": words("Improvement"),
        "difference": words("Difference of the two runs"),
        "at_least": words("{figure}: at least"),
        "at_most": words("{figure}: at most"),
        "no_split": words("no split"),
        "edits": words("{n} edits"),
        "one_edit": words("1 edit"),
        "cell": words("{name}, score {score}"),
        "missing": words("none"),
        "photo": words("as it is in the set"),
        "original": words("undegraded original"),
        "by_run": words("{policy}, {run}"),
        "set": words("Set"),
        "split": words("Split"),
        "state": words("State"),
        "size": words("Size in pixels"),
        "file": words("File"),
        "sha256": words("SHA-256 of the original"),
        "reason": words("Reason"),
        "position": words("Photo {n} of {total}"),
        "no_recipe": words("nothing was done"),
        "slide": words("Where the two pictures meet"),
        "other_jurors": words(
            "The two runs were scored by different jurors: their scores can't be held against each other."
        ),
        "differs": words("{n} edits differ"),
        "run_a": words("A"),
        "run_b": words("B"),
        "success": words("success"),
        "no_success": words("no success"),
        "left_out": words("Photos that are left out, as their files are gone: {n}."),
        "start_score": words("at the start"),
        "final_score": words("at the end"),
    }
