"""Data sets whose best crops stand in one text file, below the name of each photo: ICDB, FLMS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apsi.crops.base import OrderedBoxes
from apsi.crops.boxes import Record, corners
from apsi.crops.files import numbers, read_text
from apsi.errors import ApsiError


@dataclass(frozen=True)
class Blocks(OrderedBoxes):
    r"""A line with the name of a photo, then a line of four pixels for each crop that somebody chose.

    ICDB (Yan, Lin, Kang, Tang: "Learning the change for automatic image cropping", CVPR 2013) names photos as
    `category\\file` and has one crop of each of three photographers. FLMS (Fang, Lin, Mech, Shen: "Automatic image
    cropping using visual composition, boundary simplicity and content preservation models", MM 2014) has up to ten
    crops a photo; a row with a negative number stands for none.
    """

    def records(self) -> list[Record]:
        path = Path(self.annotations).expanduser()
        found = []
        for name, rows, places in self._blocks(path):
            if rows:
                boxes = corners(np.array(rows, np.float64), self.order)
                found.append(Record(name, str(path), boxes, places, np.full(len(rows), np.nan), are_best=True))
        return found

    def _blocks(self, path: Path) -> Iterator[tuple[str, list[list[float]], list[str]]]:
        name, rows, places = "", list[list[float]](), list[str]()
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if not line.strip():
                continue
            if not _is_box(line):
                if name:
                    yield name, rows, places
                name, rows, places = self._name(line.strip()), [], []
                continue
            if not name:
                raise ApsiError(f"{path}, line {number}: a box comes before the name of any photo; add the name")
            values = numbers(line.split(), f"{path}, line {number}", 4)
            if min(values) >= 0:
                rows.append(values)
                places.append(f"line {number}")
        if name:
            yield name, rows, places

    def _name(self, line: str) -> str:
        name = line.replace("\\", "/")
        return name if self.path(name).is_file() else name.rpartition("/")[2]


def _is_box(line: str) -> bool:
    """Whether a line has nothing but numbers in it, right or wrong ones, and more than one."""
    words = line.split()
    return len(words) > 1 and all(word.lstrip("+-").replace(".", "", 1).isdigit() for word in words)
