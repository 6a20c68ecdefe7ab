"""The worker-pool contract."""

from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from apsi.errors import ApsiError
from apsi.juror.base import Juror

DEATHS = 3
"""Number of workers that may die on one photo before it is an error."""

START_DEATHS = 8
"""Number of workers in a row that may die before they have loaded the juror."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""Environment variables by which numeric libraries learn how many threads a worker may have"""


class WorkerPool(Juror):
    """A juror whose scoring runs elsewhere; a context manager that holds what it needs for that."""

    @classmethod
    def require_ready(cls, settings: Mapping[str, Any]) -> None:
        """Refuses, before anything is begun, settings with which no worker could start.

        Args:
            settings: of the configuration, without the juror.

        Raises:
            ApsiError: a package is missing, or a place can't be reached.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases everything; may be called twice."""


class Chunks:
    """The photos of a batch, assigned in chunks; those of a worker that died are assigned again, one by one.

    Attributes:
        waiting: indices of photos that a worker is to score at a time.
    """

    def __init__(self, count: int, workers: int, chunk_size: int) -> None:
        step = min(chunk_size, -(-count // workers))
        self.waiting = deque(list(range(i, min(i + step, count))) for i in range(0, count, step))
        self._deaths = [0] * count

    def died(self, chunk: Sequence[int], workers: str) -> None:
        """Takes back the photos of a dead worker.

        Args:
            chunk: indices of its photos.
            workers: what such workers are called, how long they have, and whose scores these are, for the error.

        Raises:
            ApsiError: `DEATHS` workers died on one photo.
        """
        for i in chunk:
            self._deaths[i] += 1
            if self._deaths[i] == DEATHS:
                raise ApsiError(f"photo {i} of the batch can't be scored: {DEATHS} {workers}")
            self.waiting.append([i])
