"""A table of crops."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from apsi.crops.base import CropAnnotations
from apsi.crops.boxes import Record, corners
from apsi.crops.files import numbers, read_text
from apsi.errors import ApsiError

_HEADERS = ("x1 y1 x2 y2", "x y width height")


@dataclass(frozen=True)
class Csv(CropAnnotations):
    """A row for each crop: `photo,x1,y1,x2,y2,score`, or `photo,x,y,width,height,score`, as its header says.

    Without a column `score` they are crops that people chose as the best; an empty score is one that nobody gave.
    """

    unit: Literal["pixels", "shares"]
    """of the boxes: pixels of the upright photo, or shares of its sides"""

    @property
    def unit_is_shares(self) -> bool:
        return self.unit == "shares"

    def how_to_say(self, order: str) -> str:
        return f"so in the header: photo,{order.replace(' ', ',')}"

    def records(self) -> list[Record]:
        path = Path(self.annotations).expanduser()
        groups: dict[str, list[tuple[str, list[float], float]]] = {}
        order, has_scores = self._header(path)
        for number, row in self._rows(path):
            place = f"line {number}"
            box = numbers([row[name] for name in order.split()], f"{path}, {place}", 4)
            score = row.get("score") or ""
            value = numbers([score], f"{path}, {place}, score", 1)[0] if score.strip() else np.nan
            groups.setdefault(row["photo"], []).append((place, box, value))
        return [
            Record(
                name,
                str(path),
                corners(np.array([box for _, box, _ in rows], np.float64), order),
                [place for place, _, _ in rows],
                np.array([score for _, _, score in rows], np.float64),
                are_best=not has_scores,
            )
            for name, rows in groups.items()
        ]

    def _header(self, path: Path) -> tuple[str, bool]:
        """The order of the columns of a box, and whether there are scores."""
        names = next(csv.reader(io.StringIO(read_text(path))), [])
        columns = {name.strip() for name in names}
        for order in _HEADERS:
            if {"photo", *order.split()} <= columns:
                return order, "score" in columns
        raise ApsiError(
            f"{path}, line 1: the header {','.join(names)[:80]} has no columns photo,x1,y1,x2,y2 and none "
            "photo,x,y,width,height; name the columns so (score is optional)"
        )

    def _rows(self, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
        """The number of the line, and what stands in each column."""
        rows = csv.reader(io.StringIO(read_text(path)), strict=True)
        try:
            names = [name.strip() for name in next(rows)]
            for row in rows:
                if row and len(row) != len(names):
                    raise ApsiError(
                        f"{path}, line {rows.line_num}: {len(row)} values for {len(names)} columns; correct it"
                    )
                if row:
                    yield rows.line_num, dict(zip(names, row, strict=True))
        except csv.Error as error:
            raise ApsiError(f"{path}, line {rows.line_num}: {error}; correct it") from error
