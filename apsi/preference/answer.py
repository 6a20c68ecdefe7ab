"""What a person said to a pair."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from apsi.errors import ApsiError

Choice = Literal["left", "right", "tie", "skip"]
Reason = Literal["composition", "light", "colour", "subject", "sharpness"]
CHOICES: tuple[str, ...] = get_args(Choice)
"""`tie`: neither is better; `skip`: no opinion wanted. Not answered is none of them: there is no line then"""
REASONS: tuple[str, ...] = get_args(Reason)

_ID = re.compile(r"[A-Za-z0-9_-]{8,40}")
_KEY = re.compile(r"[0-9a-f]{12}")
_NEEDED = ("id", "pair", "left", "answer", "milliseconds", "annotator", "time", "apsi")
_MAX_NAME = 60
_MAX_MILLISECONDS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Answer:
    """One line of the log of a person's answers."""

    id: str
    """made by who asks, so that an answer that is sent twice counts once"""
    pair: str
    left: str
    """key of the version that stood left"""
    answer: Choice | None
    """None only where it takes an earlier one back"""
    milliseconds: int
    """from when both were shown"""
    annotator: str
    time: str
    """of the answer, ISO 8601 in UTC"""
    apsi: str
    """version of the application"""
    undoes: str | None = None
    """id of the answer that this one takes back or replaces"""
    reason: Reason | None = None
    is_repeat: bool = False
    """whether the pair was shown to this person before, with its sides the other way round"""

    def __post_init__(self) -> None:
        if not (isinstance(self.id, str) and _ID.fullmatch(self.id)):
            raise ApsiError(f"{str(self.id)[:60]!r} is no id of an answer: 8 to 40 letters, digits, - and _")
        for value in (self.pair, self.left):
            if not (isinstance(value, str) and _KEY.fullmatch(value)):
                raise ApsiError(f"{str(value)[:60]!r} names no pair and no version: 12 hex digits do")
        if self.answer is None and self.undoes is None:
            raise ApsiError("an answer is left, right, tie or skip, or takes back an earlier one")
        if self.answer is not None and self.answer not in CHOICES:
            raise ApsiError(f"answer={str(self.answer)[:40]!r} must be one of {', '.join(CHOICES)}")
        if self.reason is not None and self.reason not in REASONS:
            raise ApsiError(f"reason={str(self.reason)[:40]!r} must be one of {', '.join(REASONS)}")
        if not isinstance(self.milliseconds, int) or not 0 <= self.milliseconds <= _MAX_MILLISECONDS:
            raise ApsiError(
                f"milliseconds={str(self.milliseconds)[:40]} must be a whole number, at most those of a day"
            )
        if self.undoes is not None and not (isinstance(self.undoes, str) and _ID.fullmatch(self.undoes)):
            raise ApsiError(f"undoes={str(self.undoes)[:60]!r} is no id of an answer")
        if not all(isinstance(text, str) and len(text) <= _MAX_NAME for text in (self.time, self.apsi)):
            raise ApsiError(f"time and apsi of an answer must be texts of at most {_MAX_NAME} characters")
        if not isinstance(self.is_repeat, bool):
            raise ApsiError(f"is_repeat={str(self.is_repeat)[:40]!r} must be true or false")
        require_annotator(self.annotator)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> "Answer":
        """Reads what `as_dict` gave; what a later version may add is left out.

        Raises:
            ApsiError: it is something else.
        """
        names = cls.__dataclass_fields__
        if not isinstance(data, Mapping):
            raise ApsiError(f"an answer is an object with {', '.join(names)}, not {str(data)[:80]}")
        known = {name: data[name] for name in names if name in data}
        missing = [name for name in _NEEDED if name not in known]
        if missing:
            raise ApsiError(f"an answer without {', '.join(missing)}: {str(dict(data))[:80]}")
        return cls(**known)


def require_annotator(name: Any) -> str:
    """The name of a person.

    Raises:
        ApsiError: it is empty, too long, or holds what no name does.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise ApsiError(f"annotator={str(name)[:80]!r} must be a name of 1 to {_MAX_NAME} characters on one line")
    if name != name.strip():
        raise ApsiError(f"annotator={name!r} begins or ends with a space")
    return name
