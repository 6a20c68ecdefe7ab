"""Files of annotations: text and JSON of a limited size, never anything that can run."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError

MOST_BYTES = 200_000_000
"""Of one file of annotations"""


def read_text(path: Path) -> str:
    """A file of annotations.

    Raises:
        ApsiError: it can't be read, is larger than `MOST_BYTES`, or is not UTF-8.
    """
    try:
        if not path.is_file():
            raise ApsiError(f"crops.annotations: {path} is no file; give the file that the data set came with")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ApsiError(f"{path} has {size:,} bytes, at most {MOST_BYTES:,} are read; split it")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ApsiError(f"{path} can't be read: {error.strerror}; check its permissions") from error
    except UnicodeDecodeError as error:
        raise ApsiError(f"{path} is not UTF-8 text ({error}); save it as such") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file of annotations.

    Raises:
        ApsiError: as `read_text`, or it is not JSON.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, place: str) -> Any:
    """The content of a JSON text; `place` names it in the error."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ApsiError(f"{place} is not JSON ({error}); fetch it again") from error


def numbers(words: Sequence[object], place: str, count: int) -> list[float]:
    """So many finite numbers.

    Raises:
        ApsiError: there are more or fewer of them, or others; the message names `place`.
    """
    try:
        if isinstance(words, str | bytes) or len(words) != count:
            raise ValueError
        found = [float(word) for word in words]  # type: ignore[arg-type]  # what is no number is refused here
    except (TypeError, ValueError, OverflowError) as error:  # the last: an integer of hundreds of digits
        raise ApsiError(f"{place}: {_short(words)} must be {count} numbers; correct it") from error
    if not all(map(math.isfinite, found)) or any(isinstance(word, bool) for word in words):
        raise ApsiError(f"{place}: {_short(words)} must be {count} finite numbers; correct it")
    return found


def _short(words: object) -> str:
    text = " ".join(map(str, words)) if isinstance(words, list | tuple) else str(words)
    return text if len(text) <= 80 else f"{text[:77]}..."
