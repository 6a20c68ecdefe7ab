"""Running the HTTP interface until it is told to stop."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.serve.app import Limits, make_app


class _Server(uvicorn.Server):
    """Ends the task on Ctrl-C or SIGTERM, once the requests in hand are answered, and not the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address; port 0: any that is free.

    Raises:
        ApsiError: the address can't be had.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise ApsiError(f"can't listen on {host}:{port} ({error}); choose another task.host or task.port") from error


def serve(juror: Juror, limits: Limits, listener: socket.socket, token: str | None = None) -> None:
    """Serves a juror until SIGINT or SIGTERM; with a token, only those who send it."""
    app = make_app(juror, limits, token)
    # headers that name another client are for proxies, and anybody can write them
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=30, proxy_headers=False)
    _Server(config).run(sockets=[listener])
