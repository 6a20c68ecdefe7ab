"""The HTTP interface of the acquisition service."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from apsi import __version__
from apsi.acquire.keep import Source, discard_partial, find, require_name, stem
from apsi.errors import ApsiError
from apsi.monitoring.metrics import CONTENT_TYPE, Metrics
from apsi.photo.hash import value_hash
from apsi.serve.acquisition.bodies import AcquisitionBody, CopyBody
from apsi.serve.acquisition.jobs import NEW, STATES, Job, Jobs
from apsi.serve.acquisition.metrics import AcquisitionMetrics
from apsi.serve.acquisition.runner import Runner
from apsi.web.body import body_of
from apsi.web.door import Door
from apsi.web.refusals import RefusalLog
from apsi.web.shell import Refusal

_MOST = 2**16
"""bytes of a request"""
_LISTED = 1000
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Service:
    """What the interface works on."""

    jobs: Jobs
    runner: Runner
    root: Path
    max_queue: int
    """jobs that may wait"""
    types: tuple[str, ...]
    entering: threading.Lock = field(default_factory=threading.Lock)
    """of two that want the same at once, the second gets the job of the first"""


def make_app(service: Service, door: Door, process: Metrics | None = None) -> FastAPI:
    """Ask for photos with `POST /v1/acquisition` or `POST /v1/copy`; each answers with a job.

    `GET /v1/acquisition/jobs/{uuid}` tells how far it is, `DELETE` cancels it; `/health` and `/metrics` tell the
    state of the service.
    """
    refusals = RefusalLog()
    metrics = AcquisitionMetrics(service.jobs, service.runner, service.max_queue, process or Metrics())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.runner.start()
        yield
        metrics.close()
        await run_in_threadpool(service.runner.stop, 5.0)

    app = FastAPI(title="apsi acquisition", description=make_app.__doc__ or "", version=__version__, lifespan=lifespan)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, refusal: HTTPException) -> Response:
        refusals.note(request.client and request.client.host, refusal.status_code, str(refusal.detail))
        return await http_exception_handler(request, refusal)

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        refusal = _refusal(request, door)
        response = await (answer(request) if refusal is None else refuse(request, refusal))
        metrics.count(request.method, response.status_code)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.post("/v1/acquisition")
    async def acquisition(request: Request) -> Response:
        body = await _body(request, AcquisitionBody)
        return await run_in_threadpool(
            _enter, service, kind="acquisition", type=body.type, url=body.url, sha256=body.sha256, name=body.name
        )

    @app.post("/v1/copy")
    async def copy(request: Request) -> Response:
        body = await _body(request, CopyBody)
        return await run_in_threadpool(
            _enter, service, kind="copy", type=body.type, url=body.source, sha256=body.sha256, name=body.name
        )

    @app.get("/v1/acquisition/jobs")
    async def jobs(state: str | None = None, limit: int = 100) -> Response:
        if state is not None and state not in STATES:
            raise HTTPException(422, f"state={state!r} must be one of: {', '.join(STATES)}")
        found = await run_in_threadpool(service.jobs.latest, state, max(1, min(limit, _LISTED)))
        return JSONResponse({"jobs": [_told(service, job) for job in found]})

    @app.get("/v1/acquisition/jobs/{uuid}")
    async def job(uuid: str) -> Response:
        return JSONResponse(_told(service, await _known(service, uuid)))

    @app.delete("/v1/acquisition/jobs/{uuid}")
    async def cancel(uuid: str) -> Response:
        before = await _known(service, uuid)
        cancelled = await run_in_threadpool(service.jobs.cancel, uuid)
        if cancelled is None:
            now = service.jobs.find(uuid) or before
            raise HTTPException(409, f"the job is {now.state} and can't be cancelled any more")
        service.runner.cancel(uuid)
        if cancelled.ended is not None:  # it had not begun, or waited to go on
            await run_in_threadpool(discard_partial, service.root / cancelled.name)
        return JSONResponse(_told(service, cancelled), 202 if cancelled.ended is None else 200)

    @app.get("/health")
    async def health() -> Response:
        counts = await run_in_threadpool(service.jobs.count)
        return JSONResponse({"status": "ok", "version": __version__, "types": list(service.types), "jobs": counts})

    @app.get("/metrics")
    async def prometheus() -> Response:
        return Response(await run_in_threadpool(metrics.text), media_type=CONTENT_TYPE)

    return app


def _refusal(request: Request, door: Door) -> HTTPException | None:
    """Why a request is not answered: no page of another site may send one, and nobody without the token."""
    if door.token is None and not door.knows_host(request):  # a name that was led here brings no token
        return HTTPException(421, f"the name {request.headers.get('host')} is not served here")
    if "origin" in request.headers and not door.knows_origin(request):
        return HTTPException(403, "the request comes from a page of another site")
    if not door.lets_in(request):
        return HTTPException(401, "no token, or a wrong one", {"WWW-Authenticate": "Bearer"})
    return None


async def _body(request: Request, model: type[_Model]) -> _Model:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send JSON, as Content-Type: application/json")  # other sites' pages can't say so
    try:
        return await body_of(request, model, _MOST)
    except Refusal as refusal:
        raise HTTPException(refusal.status_code, refusal.english) from refusal
    except ClientDisconnect as error:
        raise HTTPException(400, "the client disconnected before the request was complete") from error


def _enter(service: Service, *, kind: str, type: str, url: str, sha256: str | None, name: str | None) -> Response:
    """Makes a job, or finds the one that does the same already."""
    try:
        acquire = service.runner.acquire_for(kind, type)
        if kind == "copy" and type == "acquired":
            if find(service.root / require_name(url, "source")) is None:
                raise HTTPException(404, f"source={url}: nothing of this name was acquired")
        else:
            url_known = acquire.canonical(url)
            name = name or f"{stem(url)}-{value_hash(url_known)}"
        Source(url, sha256)
        name = require_name(name or "", "name")
    except ApsiError as error:
        raise HTTPException(422, str(error)) from error
    with service.entering:
        known = service.jobs.unfinished(name)
        if known is not None:
            if known.wanted != (kind, type, url, sha256, name):
                raise HTTPException(
                    409, f"job {known.uuid} makes {name} out of {known.url}; take another name, or wait"
                )
            return _answered(service, known, 200)
        if service.jobs.count()[NEW] >= service.max_queue:
            raise HTTPException(503, f"{service.max_queue} jobs wait already; try again later", {"Retry-After": "10"})
        job = service.jobs.add(kind=kind, type=type, url=url, sha256=sha256, name=name)
    service.runner.tell()
    return _answered(service, job, 202)


def _answered(service: Service, job: Job, status: int) -> Response:
    return JSONResponse(_told(service, job), status, {"Location": f"/v1/acquisition/jobs/{job.uuid}"})


async def _known(service: Service, uuid: str) -> Job:
    job = await run_in_threadpool(service.jobs.find, uuid)
    if job is None:
        raise HTTPException(404, "there is no such job")
    return job


def _told(service: Service, job: Job) -> dict[str, Any]:
    progress = service.runner.progress(job.uuid)
    return {
        "uuid": job.uuid,
        "kind": job.kind,
        "type": job.type,
        "url": job.url,
        "sha256": job.sha256,
        "name": job.name,
        "state": job.state,
        "cancelling": job.cancelling,
        "starts": job.starts,
        "step": progress.step,
        "done": progress.done,
        "total": progress.total,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "error": job.error,
        "result": job.result,
    }
