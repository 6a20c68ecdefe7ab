"""The engine contract: a function over many items, in order, without ever holding all results."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Self, TypeVar

from prometheus_client import Counter

from apsi.console import track
from apsi.monitoring.metrics import METRICS

T = TypeVar("T")
R = TypeVar("R")


def counted(results: Iterator[R], counter: Counter) -> Iterator[R]:
    """The results, each counted once it is there."""
    for result in results:
        counter.inc()
        yield result


class Engine(ABC):
    """Maps functions over items; a context manager that holds what it needs for that.

    An engine changes where work is done, never its results: it is no part of any outcome's key.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - threads end with their work
        """Releases everything; may be called twice."""

    @contextmanager
    def stream(self, function: Callable[[T], R], items: Sequence[T], description: str) -> Iterator[Iterator[R]]:
        """Within the block: the results in the order of the items, made a little ahead, behind a progress bar.

        The first error of `function` is raised by the iterator, as it is, and ends the work.

        Args:
            function: depends on nothing but its item; may run in another process, so it and its results can be pickled.
            items: what it is called with.
            description: of the progress bar.
        """
        METRICS.expected.labels(description).set(len(items))
        with closing(self._results(function, items)) as results:
            tracked = track(counted(results, METRICS.photos.labels(description)), description, len(items))
            with closing(tracked):
                yield tracked

    def map(self, function: Callable[[T], R], items: Sequence[T], description: str) -> list[R]:
        """All results of `stream`, for those that are small."""
        with self.stream(function, items, description) as results:
            return list(results)

    @abstractmethod
    def _results(self, function: Callable[[T], R], items: Sequence[T]) -> Generator[R]:
        """The results in order; closing it ends the work."""
