"""The worker-pool contract."""

from types import TracebackType
from typing import Self

from apsi.juror.base import Juror


class WorkerPool(Juror):
    """A juror whose scoring runs elsewhere; a context manager that holds what it needs for that."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives everything back; may be called twice."""
