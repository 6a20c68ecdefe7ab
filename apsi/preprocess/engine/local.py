"""Threads of this process."""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from pydantic import PositiveInt

from apsi.preprocess.engine.base import Engine, R, T

_AHEAD = 4
"""Results per thread that may be computed ahead"""


class Local(Engine):
    """Threads: reading, resizing and writing photos leave Python's lock free.

    Args:
        workers: threads; None: as many as there are cores.
    """

    def __init__(self, workers: PositiveInt | None) -> None:
        self._workers = workers or os.cpu_count() or 1

    def _results(self, function: Callable[[T], R], items: Sequence[T]) -> Generator[R]:
        waiting: deque[Future[R]] = deque()
        with ThreadPoolExecutor(self._workers) as threads:
            try:
                for item in items:
                    if len(waiting) == _AHEAD * self._workers:
                        yield waiting.popleft().result()
                    waiting.append(threads.submit(function, item))
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
