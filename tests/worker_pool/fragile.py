"""Jurors that fail in a chosen way on a chosen photo; workers import them from here."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo import Floats, Photo

CRASH, HANG, NAN, RAISE, ONCE = 1, 2, 3, 4, 5
"""Value of a photo's first pixel that makes the juror fail"""


class Fragile(Juror):
    """Scores by brightness; what a photo's first pixel asks for happens first."""

    fingerprint = "fragile"

    def __init__(self, marker: Path | None = None) -> None:
        self.marker = marker

    def score(self, photos: Sequence[Photo]) -> Floats:
        scores = np.array([photo.mean() / 25.5 for photo in photos])
        for i, photo in enumerate(photos):
            match int(photo[0, 0, 0]):
                case 1:
                    os._exit(9)
                case 2:
                    time.sleep(60)
                case 3:
                    scores[i] = np.nan
                case 4:
                    raise ApsiError("this photo is refused")
                case 5 if self.marker is not None and not self.marker.exists():
                    self.marker.touch()
                    os._exit(9)
        return scores


class Unloadable(Fragile):
    """Ends its process when it is loaded."""

    def warm_up(self) -> None:
        os._exit(7)


class Missing(Fragile):
    """Can't find its weights."""

    def warm_up(self) -> None:
        raise ApsiError("the weights are missing")
