"""Pairs by id without holding them: where each stands in its file, so that 100,000 are ready within a second."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.preference.lines import line_at, read_lines
from apsi.preference.pair import SPLITS, Pair

_ID = re.compile(r"[0-9a-f]{12}")
_KEPT = 1000  # pairs that were read lately


class PairIndex:
    """The ids of all pairs in the order in which they were made; a pair itself is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Reads where each pair stands; lines that say nothing are told and left out."""
        self._path = path
        self._places: dict[str, int] = {}
        self._by_split: dict[str, list[str]] = {split: [] for split in SPLITS}
        lines = read_lines(path, _head)
        for (name, split), place in zip(lines.values, lines.places, strict=True):
            if name not in self._places:
                self._places[name] = place
                self._by_split[split].append(name)
        self.pair = lru_cache(_KEPT)(self._read)
        """the pair of an id; raises an ApsiError where its line is no pair, or is another one by now"""

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def ids(self, split: str = "all") -> Sequence[str]:
        """Those of a split, or of all."""
        return list(self._places) if split == "all" else self._by_split[split]

    def _read(self, name: str) -> Pair:
        pair = Pair.from_dict(line_at(self._path, self._places[name]))
        if pair.id != name:
            raise ApsiError(f"{self._path} was changed: the pair {name} is not where it was")
        return pair


def _head(data: Any) -> tuple[str, str]:
    """Id and split of a line; whether the rest is a pair is seen when it is read."""
    if isinstance(data, Mapping) and isinstance(name := data.get("pair"), str) and _ID.fullmatch(name):
        split = data.get("split")
        if split in SPLITS and isinstance(data.get("left"), Mapping) and isinstance(data.get("right"), Mapping):
            return name, split
    pair = Pair.from_dict(data)
    return pair.id, pair.split
