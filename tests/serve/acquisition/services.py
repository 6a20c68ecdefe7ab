"""Acquisition services on a free port, in a thread of the test."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from apsi.acquire.direct import Direct
from apsi.acquire.kaggle import Kaggle
from apsi.acquire.local import Local
from apsi.serve.acquisition.app import Service, make_app
from apsi.serve.acquisition.jobs import Jobs
from apsi.serve.acquisition.runner import Runner
from apsi.serve.server import listen
from apsi.web.door import Door

LIMITS: dict[str, Any] = {"max_gigabytes": 0.1, "max_files": 100, "max_ratio": 50.0, "max_depth": 9}


@dataclass(frozen=True)
class Client:
    """What another machine does."""

    url: str
    root: Path
    service: Service
    http: httpx.Client

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        return self.http.post(path, json=body, **more)

    def job(self, answer: httpx.Response) -> dict[str, Any]:
        """The job of an answer, as it is now."""
        found: dict[str, Any] = self.http.get(f"/v1/acquisition/jobs/{answer.json()['uuid']}").json()
        return found

    def ended(self, answer: httpx.Response) -> dict[str, Any]:
        """The job of an answer, once it has come to its end."""
        return self.until(answer, lambda job: job["state"] not in ("NEW", "RUNNING"))

    def until(self, answer: httpx.Response, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while not reached(job := self.job(answer)):
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
        return job


@contextmanager
def serving_jobs(
    folder: Path,
    *,
    token: str | None = None,
    max_running: int = 2,
    max_queue: int = 50,
    allow_private: bool = True,
    kaggle: str = "http://127.0.0.1:9",
    without: str = "",
) -> Iterator[Client]:
    """A service whose data sets and database lie in a folder; its operator has removed the type `without`."""
    root, how = folder / "root", {"timeout": 5.0, "attempts": 30, "allow_private": allow_private}
    root.mkdir(exist_ok=True)
    jobs = Jobs(folder / "jobs.sqlite3")
    types = {
        "tar": Direct(kind="tar", **how, **LIMITS),  # type: ignore[arg-type]
        "zip": Direct(kind="zip", **how, **LIMITS),  # type: ignore[arg-type]
        "kaggle": Kaggle(api=kaggle, **how, **LIMITS),  # type: ignore[arg-type]
        "local_resource": Local(roots=[str(folder / "local")], **LIMITS),
    }
    types.pop(without, None)
    runner = Runner(jobs, root, types, Local(roots=[str(root)], **LIMITS), max_running)
    service = Service(jobs, runner, root, max_queue, tuple(types))
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = make_app(service, Door("127.0.0.1", port, token))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", proxy_headers=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=url, timeout=20) as http:
                yield Client(url, root, service, http)
        finally:
            server.should_exit = True
            thread.join()
            jobs.close()
