"""The HTTP interface of a juror."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from apsi.access_token import is_allowed
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.monitoring.metrics import CONTENT_TYPE, Metrics
from apsi.photo import Photo
from apsi.serve.admission import Admission, BusyError, Share
from apsi.serve.batcher import Batcher
from apsi.serve.contents import WORKING, decode, look_into
from apsi.serve.metrics import ServingMetrics
from apsi.web.refusals import RefusalLog


@dataclass(frozen=True)
class Limits:
    """What one server takes."""

    max_batch: int
    max_delay_ms: float
    max_queue: int
    """Photos that may wait, of all requests; one that finds no room gets 503"""
    max_megabytes: float
    """Of one request, as sent"""
    max_megapixels: float
    """Of one photo"""
    max_megabytes_in_flight: float
    """Of all requests together, as sent and as decoded, with what decoding takes; one that finds no room gets 503"""
    max_seconds: float
    """Until a request is received completely"""

    def __post_init__(self) -> None:
        least = self.max_megabytes + (WORKING + 3) * self.max_megapixels
        if self.max_megabytes_in_flight < least:
            raise ApsiError(
                f"task.max_megabytes_in_flight={self.max_megabytes_in_flight:g} has no room for one photo of "
                f"task.max_megapixels={self.max_megapixels:g} in a request of task.max_megabytes="
                f"{self.max_megabytes:g}: it must be at least {least:g}"
            )


def make_app(juror: Juror, limits: Limits, token: str | None = None, process: Metrics | None = None) -> FastAPI:
    """Score photos with `POST /score`; `GET /healthz` and `GET /metrics` report its state.

    `/score` takes one image file (JPEG, PNG, WebP, TIFF, BMP), `.npy` arrays one after another, or several files as
    `multipart/form-data`, and answers `{"scores": [...], "fingerprint": "..."}` in the order of the photos.
    `process` are the metrics of the process that it runs in, if there are any.
    """
    admission = Admission(limits.max_queue, int(limits.max_megabytes_in_flight * 1e6))
    metrics = ServingMetrics(admission, process or Metrics())
    batcher = Batcher(juror, limits.max_batch, limits.max_delay_ms / 1000, metrics)
    refusals = RefusalLog()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batching = asyncio.create_task(batcher.run())
        yield
        batching.cancel()

    app = FastAPI(title="apsi juror", description=make_app.__doc__ or "", lifespan=lifespan)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, refusal: HTTPException) -> Response:
        refusals.note(request.client and request.client.host, refusal.status_code, refusal.detail)
        return await http_exception_handler(request, refusal)

    @app.middleware("http")
    async def measure(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        if is_allowed(request.headers.get("authorization", ""), token):
            response = await answer(request)
        else:
            response = await refuse(
                request, HTTPException(401, "no token, or a wrong one", {"WWW-Authenticate": "Bearer"})
            )
        if request.url.path == "/score":
            metrics.requests.labels(str(response.status_code)).inc()
            metrics.latency.observe(time.perf_counter() - began)
        return response

    @app.post("/score")
    async def score(request: Request) -> Response:
        try:
            with admission.request() as share:
                photos = await _photos(request, share, limits)
                scores = await _scores(batcher, photos)
        except BusyError as busy:
            raise HTTPException(503, f"{busy}; try again", {"Retry-After": "1"}) from busy
        metrics.photos.inc(len(scores))
        return JSONResponse({"scores": scores, "fingerprint": juror.fingerprint})

    @app.get("/healthz")
    async def healthz() -> dict[str, object]:
        queue = {"queue": admission.photos, "limit": admission.max_photos}
        return {"status": "ok", "fingerprint": juror.fingerprint, "tolerance": juror.tolerance, **queue}

    @app.get("/metrics")
    async def prometheus() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return app


async def _scores(batcher: Batcher, photos: Sequence[Photo]) -> list[float]:
    try:
        return await batcher.score(photos)
    except Exception as error:  # any error of the juror is reported to the client
        raise HTTPException(500, f"the juror could not score a photo of this request: {error}") from error


async def _photos(request: Request, share: Share, limits: Limits) -> list[Photo]:
    """The decoded photos of a request; room for them is taken before the first is decoded."""
    max_pixels = int(limits.max_megapixels * 1e6)
    try:
        async with asyncio.timeout(limits.max_seconds):
            files = await _files(request, share, int(limits.max_megabytes * 1e6), limits.max_queue)
    except TimeoutError as error:
        raise HTTPException(408, f"the request was not received completely within {limits.max_seconds:g} s") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the client disconnected before the request was complete") from error
    contents = await run_in_threadpool(look_into, files, limits.max_queue, max_pixels)
    if not contents.photos:
        raise HTTPException(400, "there is no photo in this request")
    needed = share.size + contents.decoded + contents.working
    if needed > limits.max_megabytes_in_flight * 1e6:
        raise HTTPException(
            413,
            f"{contents.photos} photos would take {needed / 1e6:.0f} MB to decode, at most "
            f"{limits.max_megabytes_in_flight:g} MB: send fewer in one request",
        )
    share.take(photos=contents.photos, size=contents.decoded + contents.working)
    photos = await run_in_threadpool(decode, files, max_pixels)
    share.give(size=contents.working)
    return photos


async def _files(request: Request, share: Share, max_bytes: int, max_files: int) -> list[bytes]:
    """The files of a request, read no further than is allowed."""
    too_large = HTTPException(413, f"the request is larger than {max_bytes / 1e6:g} MB")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > max_bytes:
        raise too_large
    receive = request.receive

    async def counted() -> dict[str, object]:
        message = await receive()
        share.take(size=len(message.get("body", b"")))
        if share.size > max_bytes:
            raise too_large
        return dict(message)

    request = Request(request.scope, counted)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=max_files, max_fields=max_files) as form:
            uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            return [await upload.read() for upload in uploads]
    return [await request.body()]
