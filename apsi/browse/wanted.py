"""What somebody wants to see, as the address of a page says it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from apsi.browse.annotations import KEPT

RANGES = ("score", "initial", "improvement", "difference")
"""What can be narrowed to a range: the juror's score, that of the undegraded original, the first less the second, and
of two runs the score that the second ends with less that of the first"""
SORTS = ("name", "score", "initial", "improvement", "size", "edits", "difference", "distance", "recipes")
"""`size` in pixels; `distance` is the difference without its sign, `recipes` how many edits are to be exchanged"""
OF_TWO = frozenset({"difference", "distance", "recipes"})
_LISTS = ("set", "split", "state", "with", "edits")
_MOST, _LONGEST = 200, 300

Range = tuple[float | None, float | None]


@dataclass(frozen=True)
class Wanted:
    """Filters and an order; what is empty does not narrow."""

    text: str = ""
    """is part of the name, in any case"""
    sets: frozenset[str] = frozenset()
    splits: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset({KEPT})
    categories: frozenset[str] = frozenset()
    """kinds of edits of which at least one was made"""
    edits: frozenset[int] = frozenset()
    """how many were made"""
    ranges: tuple[tuple[str, Range], ...] = ()
    """both ends included; photos without the figure are left out"""
    starred: bool = False
    sort: str = "name"
    down: bool = False
    first: str = ""
    """of two runs, `RUN.POLICY`; both or none"""
    second: str = ""

    @property
    def compares(self) -> bool:
        """Whether two runs are held against each other."""
        return bool(self.first and self.second)

    @classmethod
    def of(cls, query: Mapping[str, list[str]]) -> "Wanted":
        """Out of names and values, `score=2.5:7`, `split=train`, `split=val`.

        Raises:
            ValueError: a value makes no sense; it is the name.
        """
        one = {name: values[-1][:_LONGEST] for name, values in query.items() if values}
        lists = {name: frozenset(value[:_LONGEST] for value in query.get(name, [])[:_MOST]) for name in _LISTS}
        sort = one.get("sort", "name")
        first, second = one.get("a", ""), one.get("b", "")
        if sort not in SORTS or (sort in OF_TWO and not (first and second)):
            raise ValueError("sort")
        try:
            edits = frozenset(int(number) for number in lists["edits"])
        except ValueError:
            raise ValueError("edits") from None
        ranges = tuple((name, _range(name, one[name])) for name in RANGES if one.get(name))
        return cls(
            one.get("q", "").strip().casefold(),
            lists["set"],
            lists["split"],
            lists["state"] or frozenset({KEPT}),
            lists["with"],
            edits,
            ranges,
            one.get("starred") == "1",
            sort,
            one.get("down") == "1",
            first if second else "",
            second if first else "",
        )


def _range(name: str, text: str) -> Range:
    low, colon, high = text.partition(":")
    try:
        ends = [float(end) if end else None for end in (low, high)]
    except ValueError:
        raise ValueError(name) from None
    if not colon or any(end is not None and math.isnan(end) for end in ends):
        raise ValueError(name)
    return ends[0], ends[1]
