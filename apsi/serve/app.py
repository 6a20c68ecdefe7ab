"""The HTTP interface of a juror."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from apsi.juror.base import Juror
from apsi.photo import Photo
from apsi.photo.read import UnreadablePhotoError, decode_photo
from apsi.serve.batcher import Batcher, QueueFullError
from apsi.serve.metrics import Metrics
from apsi.serve.npy import MAGIC, unpack_photos


@dataclass(frozen=True)
class Limits:
    """What one server takes."""

    max_batch: int
    max_delay_ms: float
    max_queue: int
    """Photos that may wait; a request that finds no room gets 503"""
    max_megabytes: float
    """Of one request"""
    max_megapixels: float
    """Of one photo"""


def make_app(juror: Juror, limits: Limits) -> FastAPI:
    """Score photos with `POST /score`; `GET /healthz` and `GET /metrics` tell how it goes.

    `/score` takes one image file (JPEG, PNG, WebP, TIFF, BMP), `.npy` arrays one after another, or several files as
    `multipart/form-data`, and answers `{"scores": [...], "fingerprint": "..."}` in the order of the photos.
    """
    metrics = Metrics(juror)
    batcher = Batcher(juror, limits.max_batch, limits.max_delay_ms / 1000, limits.max_queue, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batching = asyncio.create_task(batcher.run())
        yield
        batching.cancel()

    app = FastAPI(title="apsi juror", description=make_app.__doc__ or "", lifespan=lifespan)

    @app.middleware("http")
    async def measure(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await answer(request)
        if request.url.path == "/score":
            metrics.requests.labels(str(response.status_code)).inc()
            metrics.latency.observe(time.perf_counter() - began)
        return response

    @app.post("/score")
    async def score(request: Request) -> Response:
        files = await _files(request, int(limits.max_megabytes * 1e6), limits.max_queue)
        photos = await run_in_threadpool(_decode, files, int(limits.max_megapixels * 1e6))
        if not photos:
            raise HTTPException(400, "there is no photo in this request")
        if len(photos) > limits.max_queue:
            raise HTTPException(413, f"{len(photos)} photos in one request, at most {limits.max_queue}")
        try:
            scores = await batcher.score(photos)
        except QueueFullError:
            said = f"{batcher.pending} photos wait already, at most {limits.max_queue} may; try again"
            return JSONResponse({"detail": said}, 503, {"Retry-After": "1"})
        except Exception as error:  # the juror's own, whatever it is: the client is told
            raise HTTPException(500, f"the juror could not score a photo of this request: {error}") from error
        metrics.photos.inc(len(scores))
        return JSONResponse({"scores": scores, "fingerprint": juror.fingerprint})

    @app.get("/healthz")
    async def healthz() -> dict[str, object]:
        return {"status": "ok", "fingerprint": juror.fingerprint, "queue": batcher.pending, "limit": batcher.limit}

    @app.get("/metrics")
    async def prometheus() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return app


async def _files(request: Request, max_bytes: int, max_files: int) -> list[bytes]:
    """The files of a request, read no further than is allowed."""
    too_large = HTTPException(413, f"the request is larger than {max_bytes / 1e6:g} MB")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > max_bytes:
        raise too_large
    received = 0
    receive = request.receive

    async def counted() -> dict[str, object]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise too_large
        return dict(message)

    request = Request(request.scope, counted)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=max_files, max_fields=max_files) as form:
            uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            return [await upload.read() for upload in uploads]
    return [await request.body()]


def _decode(files: list[bytes], max_pixels: int) -> list[Photo]:
    photos: list[Photo] = []
    for i, data in enumerate(files):
        try:
            found = unpack_photos(data) if data.startswith(MAGIC) else [decode_photo(data, max_pixels)]
        except UnreadablePhotoError as error:
            status = 413 if str(error).startswith("too large") else 400
            raise HTTPException(status, f"file {i} can't be scored: {error}") from error
        if any(photo.shape[0] * photo.shape[1] > max_pixels for photo in found):
            raise HTTPException(413, f"file {i} can't be scored: too large, at most {max_pixels} pixels")
        photos += found
    return photos
