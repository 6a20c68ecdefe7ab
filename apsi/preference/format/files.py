"""Files of others: a limited size, whole, UTF-8, and every error with its place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.photo.file import open_regular

MOST_BYTES = 200_000_000
"""Of one file"""
MOST_ENTRIES = 1_000_000
"""Pairs or answers of one file"""


@contextmanager
def at(place: str) -> Iterator[None]:
    """Names the place in what goes wrong in the block."""
    try:
        yield
    except ApsiError as error:
        raise ApsiError(f"{place}: {error}") from error


def read_text(path: Path) -> str:
    """A whole file, its line ends as they are.

    Raises:
        ApsiError: it can't be read, is no regular file, has more than `MOST_BYTES`, or is not UTF-8.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise ApsiError(f"task.file={path} is no file; give the file with the pairs and answers") from error
    except (OSError, ValueError) as error:  # a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise ApsiError(f"task.file={path} can't be read: {reason}; give a file that you may read") from error
    if len(data) > MOST_BYTES:
        raise ApsiError(f"{path} has more than {MOST_BYTES:,} bytes, which are all that is read; split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApsiError(f"{path} is not UTF-8 text ({error}); save it as such") from error


def parse(text: str, place: str) -> Any:
    """What a JSON text holds.

    Raises:
        ApsiError: it is none, or nested too deeply; the message names `place`.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ApsiError(f"{place} is nested too deeply for any file of pairs; correct it") from error
    except ValueError as error:
        raise ApsiError(f"{place} is not whole JSON ({error}); write or fetch it again") from error


def require_few(count: int, path: Path) -> None:
    """Refuses files with more entries than `MOST_ENTRIES`."""
    if count > MOST_ENTRIES:
        raise ApsiError(f"{path} has {count:,} entries, at most {MOST_ENTRIES:,} are read; split it")


def objects(entries: Any, path: Path, what: str) -> list[dict[str, Any]]:
    """A list of objects.

    Raises:
        ApsiError: it is something else; `what` says what was expected.
    """
    if not isinstance(entries, list) or not entries:
        raise ApsiError(f"{path} must be {what}, not {short(entries)}; is it another file, or another format?")
    require_few(len(entries), path)
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise ApsiError(f"{path}, entry {number}: {short(entry)} is no object; correct it")
    return entries


def text_of(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    """A text of an entry.

    Raises:
        ApsiError: it is missing and has no default, or is no text.
    """
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise ApsiError(f"{key}={short(value)} must be a text" if key in entry else f"there is no {key}; add it")
    return value


def time_of(value: str, path: Path) -> str:
    """When somebody answered: as it is written, or where nothing is, when the file was changed last.

    Raises:
        ApsiError: it is no time in ISO 8601.
    """
    if not value:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ApsiError(f"time={value[:40]!r} is no time such as 2026-11-30T10:00:00+00:00; correct it") from error
    return value


def short(value: object) -> str:
    """A value in a message."""
    text = repr(value) if not isinstance(value, dict | list) else str(value)[:200]
    return text if len(text) <= 80 else f"{text[:77]}..."
