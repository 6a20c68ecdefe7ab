"""More photos than memory holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apsi.photo import Photo


@dataclass(frozen=True)
class PhotoStream:
    """Photos that are read anew each time they are gone through, and never all held."""

    read: Callable[[], Iterator[Photo]]

    def __iter__(self) -> Iterator[Photo]:
        return self.read()
