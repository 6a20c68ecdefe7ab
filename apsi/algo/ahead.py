"""Photos that an algorithm degrades itself, made while it learns from others."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

from apsi.episodes.base import EpisodeSource
from apsi.episodes.fresh import FreshEpisodes
from apsi.errors import ApsiError

_AHEAD = 8  # batches made while others are learned from


def own_photos(source: EpisodeSource, algo: str) -> FreshEpisodes:
    """The source, if an algorithm can degrade its photos itself; else an ApsiError that names one."""
    if not isinstance(source, FreshEpisodes):
        raise ApsiError(f"algo={algo} makes its own photos: add episodes=fresh or episodes=curriculum")
    return source


class Ahead:
    """Takes what an iterator gives in a thread of its own, a few items ahead."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._made: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True, name="apsi-ahead")
        self._thread.start()

    def next(self) -> Any:
        """The next item; raises what the iterator raised."""
        item = self._made.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self, items: Iterator[Any]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:  # raised again where it is waited for
            self._put(error)

    def _put(self, item: Any) -> bool:
        """Waits for room; False when nobody will take it any more."""
        while not self._closed.is_set():
            try:
                self._made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
