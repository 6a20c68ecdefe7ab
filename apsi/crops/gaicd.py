"""GAICD: about 90 grid anchors a photo, each with a mean opinion score."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apsi.crops.base import OrderedBoxes
from apsi.crops.boxes import Record, corners
from apsi.crops.files import numbers, read_text
from apsi.errors import ApsiError
from apsi.photo.read import IMAGE_SUFFIXES

_NOT_ANNOTATED = -2.0


@dataclass(frozen=True)
class Gaicd(OrderedBoxes):
    """A text file for each photo, `NAME.txt`, with a line for each crop: four pixels, and its score from 1 to 5.

    Zeng, Li, Cao, Zhang: "Reliable and efficient image cropping: a grid anchor based approach", CVPR 2019. The score
    -2 stands for crops that nobody scored. `root` may be the folder of one split, such as `images/test`, beside the
    `annotations` of all.
    """

    def records(self) -> list[Record]:
        texts = Path(self.annotations).expanduser()
        if not texts.is_dir():
            raise ApsiError(
                f"crops.annotations={self.annotations} is no folder; give the one with a text file for each photo"
            )
        photos = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        found, missing = [], []
        for photo in photos:
            inside = photo.relative_to(self.folder).with_suffix(".txt")
            path = next((texts / name for name in (inside, inside.name) if (texts / name).is_file()), None)
            if path is None:
                missing.append(photo.name)
            else:
                found.append(self._record(photo.relative_to(self.folder).as_posix(), path))
        if missing and not self.skip_missing:
            raise ApsiError(
                f"{len(missing)} of {len(photos)} photos in crops.root={self.root} have no text file in "
                f"crops.annotations={self.annotations}, the first is {missing[0]}; put it there, or leave them out "
                "with crops.skip_missing=true"
            )
        return found

    def _record(self, name: str, path: Path) -> Record:
        rows, places = [], []
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if line.strip():
                rows.append(numbers(line.split(), f"{path}, line {number}", 5))
                places.append(f"line {number}")
        if not rows:
            raise ApsiError(f"{path} is empty; fetch it again")
        values = np.array(rows, np.float64)
        scores = np.where(values[:, 4] == _NOT_ANNOTATED, np.nan, values[:, 4])
        return Record(name, str(path), corners(values[:, :4], self.order), places, scores)
