"""Parts of a photo side by side."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cv2

_Part = TypeVar("_Part")
_Done = TypeVar("_Done")


def in_threads(function: Callable[[_Part], _Done], parts: Iterable[_Part]) -> Iterator[_Done]:
    """The results in order, as many at a time as OpenCV has threads: in worker processes, their share of the cores."""
    parts, workers = list(parts), cv2.getNumThreads()
    if len(parts) < 2 or workers < 2:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(workers) as threads:
        yield from threads.map(function, parts)
