"""What people see while they wait."""

import logging
import os
import select
import signal
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from typing import NoReturn, TypeVar

from rich.console import Console, RenderableType
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

T = TypeVar("T")

_WIDE = 400  # columns, where nobody says how many there are


class _Console(Console):
    def on_broken_pipe(self) -> None:
        end_without_readers()


# in notebooks rich would show HTML instead, and a kernel sets FORCE_COLOR, by which it would take this for a terminal
_text_console = partial(_Console, force_jupyter=False, force_terminal=False if "ipykernel" in sys.modules else None)

console = _text_console(stderr=True)
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


def is_read() -> bool:
    """Whether somebody still reads what is printed on stdout; not so once `head` has what it wants."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return not poll.poll(0)  # asked for nothing else, it tells errors


def end_without_readers() -> NoReturn:
    """Ends the process without a word, as SIGPIPE ends other tools."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
    raise SystemExit(128 + signal.SIGPIPE)


def show(*results: RenderableType) -> None:
    """Prints results on stdout, whole where no terminal sets the width of lines; the run's log has them too."""
    out = _text_console()
    wide = None if out.is_terminal else _WIDE
    kept = Console(file=StringIO(), width=_WIDE, force_jupyter=False, force_terminal=False)
    for console_ in (_text_console(width=wide, quiet=console.quiet), kept):
        for result in results:
            console_.print(result, soft_wrap=isinstance(result, str | Text), highlight=False)
    assert isinstance(kept.file, StringIO)
    logging.getLogger().info("\n%s", kept.file.getvalue().rstrip())  # apsi's own logger would show it once more


class _PlainHandler(logging.Handler):
    """A line a message, however long, where nobody reads it on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        console.print(self.format(record), soft_wrap=True, markup=False, highlight=False)


def show_log() -> None:
    """Shows apsi's own log messages on screen, above the progress bars."""
    logger = logging.getLogger("apsi")
    if not any(isinstance(handler, RichHandler | _PlainHandler) for handler in logger.handlers):
        rich = RichHandler(console=console, show_time=False, show_path=False, show_level=False, highlighter=None)
        logger.addHandler(rich if console.is_terminal else _PlainHandler())
    logger.setLevel(logging.INFO)
