"""Telling browsers what becomes of their photos while it happens: server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from apsi.web.shell import Refusal

_MAX_STREAMS = 8  # of one browser, which opens no more than 6 connections to a host
_MAX_BEHIND = 1000  # events that a browser has not taken
_ALIVE = 15  # seconds after which silence is broken, so that no proxy takes it for the end
_LOOK = 0.5  # seconds after which the end is noticed


class Events:
    """Streams to browsers; used by one event loop only, except for `end`."""

    def __init__(self) -> None:
        self._queues: dict[str, list[asyncio.Queue[dict[str, Any]]]] = {}
        self._is_over = False

    def send(self, session: str, event: dict[str, Any]) -> None:
        """Tells all pages of a browser; one that has not taken a thousand events misses this one."""
        for queue in self._queues.get(session, ()):
            if not queue.full():
                queue.put_nowait(event)

    def open(self, session: str, first: Callable[[], list[dict[str, Any]]]) -> AsyncIterator[str]:
        """A stream in the format of server-sent events (HTML, section 9.2).

        Args:
            session: of the browser.
            first: what is told at once: all that is so.

        Raises:
            Refusal: 429, the browser has many open.
        """
        if len(self._queues.get(session, ())) >= _MAX_STREAMS:
            raise Refusal(429, "This browser has many of these pages open: close some.")
        return self._stream(session, first)

    def end(self) -> None:
        """All streams end within half a second."""
        self._is_over = True

    async def _stream(self, session: str, first: Callable[[], list[dict[str, Any]]]) -> AsyncIterator[str]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MAX_BEHIND)
        self._queues.setdefault(session, []).append(queue)
        silent = 0.0
        try:
            yield "retry: 2000\n\n" + "".join(_as_text(event) for event in first())
            while not self._is_over:
                try:
                    event = await asyncio.wait_for(queue.get(), _LOOK)
                except TimeoutError:
                    silent += _LOOK
                    if silent >= _ALIVE:
                        silent = 0.0
                        yield ":\n\n"
                    continue
                silent = 0.0
                yield _as_text(event)
        finally:
            self._queues[session].remove(queue)
            if not self._queues[session]:
                del self._queues[session]


def _as_text(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event)}\n\n"
