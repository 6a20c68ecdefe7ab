"""Listening at an address until the process is told to stop."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from apsi.errors import ApsiError


class _Server(uvicorn.Server):
    """Ends the task on Ctrl-C or SIGTERM, once the requests in hand are answered, and not the process."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending()
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address; port 0: any that is free.

    Raises:
        ApsiError: the address can't be had.
    """
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        other = port + 1 if port < 65535 else port - 1
        raise ApsiError(
            f"can't listen on {host}:{port} ({error}); choose another task.host or task.port, such as "
            f"task.port={other}, or task.port=0 for any that is free"
        ) from error
    # connections have it from here; asyncio sets it for sockets of another kind only, and answers take 40 ms without
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(app: Any, listener: socket.socket, patience: int, ending: Callable[[], None] = lambda: None) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        app: the ASGI application.
        listener: where requests come from.
        patience: seconds that requests in hand may take at the end.
        ending: is called, in the handler of the signal, when the end begins.
    """
    # headers that name another client are for proxies, and anybody can write them
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=patience, proxy_headers=False, server_header=False
    )
    _Server(config, ending).run(sockets=[listener])
