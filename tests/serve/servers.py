"""Real servers on a free port, in a thread of the test."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import uvicorn

from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.juror.http import HttpJuror
from apsi.monitoring.metrics import Metrics
from apsi.serve.app import Limits, make_app
from apsi.serve.server import listen


@contextmanager
def served(juror: Juror, token: str | None = None, **limits: float) -> Iterator[str]:
    """The address of a server with this juror."""
    usual = {"max_batch": 16, "max_delay_ms": 2, "max_queue": 256, "max_megabytes": 5, "max_megapixels": 1}
    usual |= {"max_megabytes_in_flight": 100, "max_seconds": 20}
    metrics = Metrics()
    app = make_app(juror, Limits(**(usual | limits)), token, metrics)  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", proxy_headers=False))
    cache = metrics.cache(juror) if isinstance(juror, CachedJuror) else nullcontext()
    with cache, listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def client(url: str, **settings: float) -> HttpJuror:
    """A juror that asks this server."""
    usual = {"batch_size": 4, "connections": 2, "timeout": 10.0, "patience": 10.0}
    return HttpJuror(url=url, **(usual | settings))  # type: ignore[arg-type]
