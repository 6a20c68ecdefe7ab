"""What people see while they wait."""

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

console = Console(stderr=True)
"""Progress and log lines go to stderr, results to stdout."""


def progress(*columns: str) -> Progress:
    """A progress bar with an estimate of the time left; `columns` are further text columns."""
    extra = [TextColumn(column) for column in columns]
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        *extra,
        console=console,
        refresh_per_second=4,
    )


def track(items: Iterable[T], description: str, total: int) -> Generator[T]:
    """Yields `items` while a progress bar counts them."""
    with progress() as bar:
        yield from bar.track(items, total=total, description=description)


@contextmanager
def silent() -> Iterator[None]:
    """No progress bar or log line is shown in the block."""
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


def show_log() -> None:
    """Shows apsi's own log messages on screen, above the progress bars."""
    logger = logging.getLogger("apsi")
    if not any(isinstance(handler, RichHandler) for handler in logger.handlers):
        logger.addHandler(
            RichHandler(console=console, show_time=False, show_path=False, show_level=False, highlighter=None)
        )
    logger.setLevel(logging.INFO)
