"""JSON files of any size, entry by entry: what is in memory is one entry and a piece of the file."""

import codecs
import json
import re
from collections.abc import Iterator
from json.scanner import make_scanner
from typing import IO, Any

from apsi.errors import ApsiError

_PIECE = 1 << 20  # bytes
_LONGEST = 16 * _PIECE  # characters of one entry
_CUT = 4  # characters at the end of a piece that may be those of a number, 1e+
_SPACE = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")
_decoder = json.JSONDecoder(parse_constant=lambda _: None)  # NaN is nothing
_scan = make_scanner(_decoder)  # type: ignore[arg-type]  # typeshed takes it for a function of its own kind


class JsonStream:
    """The top level of a JSON object: the entries of its lists one after another, all else whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._is_over = "", 0, False

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Keys with their values; a list comes as a pair of its key and None, and one of its key and each entry.

        Raises:
            ApsiError: it is no such file.
        """
        try:
            yield from self._object()
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, nested without end
            reason = "nested too deep" if isinstance(error, RecursionError) else str(error).partition(":")[0]
            raise ApsiError(f"it is no whole JSON file ({reason})") from error

    def _object(self) -> Iterator[tuple[str, Any]]:
        self._expect("{")
        if self._next() == "}":
            self._at += 1
        else:
            while True:
                key = self._value()
                if not isinstance(key, str):
                    raise ValueError("a key is no text")
                self._expect(":")
                if self._next() == "[":
                    self._at += 1
                    yield key, None
                    for entry in self._list():
                        yield key, entry
                else:
                    yield key, self._value()
                if self._one_of(",}") == "}":
                    break
        if self._next():
            raise ValueError("something follows the end")

    def _list(self) -> Iterator[Any]:
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self._value_here()
            found = _BETWEEN.match(self._text, self._at)
            if found is None or found.end() == len(self._text):  # the next piece may go on with it
                if self._one_of(",]") == "]":
                    return
                self._next()
                continue
            self._at = found.end()
            if found[1] == "]":
                return

    def _value_here(self) -> Any:
        """As `_value`, sooner where a whole one begins at this place and does not reach to the end."""
        try:
            value, end = _scan(self._text, self._at)
        except (json.JSONDecodeError, StopIteration):
            return self._value()
        if len(self._text) - end < _CUT:
            return self._value()
        self._at = end
        return value

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = _scan(self._text, self._at)
            except (json.JSONDecodeError, StopIteration) as error:
                if not self._more():
                    raise ValueError("cut off, or something else") from error
                continue
            if len(self._text) - end < _CUT and self._more():  # a number may go on
                continue
            self._at = end
            return value

    def _next(self) -> str:
        """The next sign that is no space; empty at the end."""
        sign = self._text[self._at : self._at + 1]
        if sign and sign not in " \t\r\n":
            return sign
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _one_of(self, signs: str) -> str:
        sign = self._next()
        if not sign or sign not in signs:
            raise ValueError(f"expected one of {signs}")
        self._at += 1
        return sign

    def _expect(self, sign: str) -> None:
        self._one_of(sign)

    def _more(self) -> bool:
        """Reads on; False at the end of the file."""
        if self._is_over:
            return False
        if len(self._text) - self._at > _LONGEST:
            raise ValueError("an entry is longer than any is")
        piece = self._file.read(_PIECE)
        text = self._decode.decode(piece, final=not piece)
        self._is_over = not piece
        if piece:
            self._text, self._at = self._text[self._at :] + text, 0
        return bool(piece)
