"""CPC: 24 views a photo, each scored by several people."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apsi.crops.base import OrderedBoxes
from apsi.crops.boxes import Record, corners
from apsi.crops.files import numbers, parse_json, read_json, read_text
from apsi.errors import ApsiError
from apsi.photo import Floats


@dataclass(frozen=True)
class Cpc(OrderedBoxes):
    """JSON with `bboxes`, in pixels, and `scores`, which are averaged over the people who gave them.

    Wei et al.: "Good view hunting: learning photo composition from dense view pairs", CVPR 2018. `annotations` is a
    folder with a file `PHOTO.txt` for each photo, as in `CollectedAnnotationsRaw`, or one JSON file for all: photo ->
    `{"bboxes": [...], "scores": [...]}`.
    """

    def records(self) -> list[Record]:
        return [self._record(name, source, content) for name, source, content in self._contents()]

    def _contents(self) -> Iterator[tuple[str, str, Any]]:
        """Name of the photo, the file, and what it says of the photo."""
        path = Path(self.annotations).expanduser()
        if path.is_dir():
            for file in sorted(path.rglob("*.txt")):
                content = parse_json(read_text(file), str(file))
                if isinstance(content, str):  # JSON within JSON, as the data set has it
                    content = parse_json(content, str(file))
                yield file.name.removesuffix(".txt"), str(file), content
            return
        contents = read_json(path)
        if not isinstance(contents, dict):
            raise ApsiError(f'{path} must be a mapping: photo -> {{"bboxes": [...], "scores": [...]}}')
        for name, content in contents.items():
            yield name, str(path), content

    def _record(self, name: str, source: str, content: Any) -> Record:
        if not isinstance(content, dict) or not isinstance(content.get("bboxes"), list) or not content["bboxes"]:
            raise ApsiError(
                f'{source}: {name} must have {{"bboxes": [...], "scores": [...]}}, not {json.dumps(content)[:80]}'
            )
        rows = [numbers(box, f"{source}, {name}, box {i}", 4) for i, box in enumerate(content["bboxes"], start=1)]
        places = [f"box {i}" for i in range(1, len(rows) + 1)]
        scores = _scores(content.get("scores"), len(rows), f"{source}, {name}, scores")
        return Record(name, source, corners(np.array(rows, np.float64), self.order), places, scores)


def _scores(content: Any, count: int, place: str) -> Floats:
    """`(n,)`, of one score a box, or of a list of them for each person."""
    if not isinstance(content, list) or not content:
        raise ApsiError(f"{place} are missing; fetch the file again")
    lists = content if isinstance(content[0], list) else [content]
    means: Floats = np.array([numbers(row, place, count) for row in lists], np.float64).mean(axis=0)
    return means
