"""What is measured of one photo: light, contrast, blur."""

from dataclasses import dataclass

import cv2
import numpy as np

from apsi.photo import Photo
from apsi.photo.resample import shrunk

SIDE = 512
"""Pixels of the longer side of the copy that is measured; smaller photos are measured as they are"""
_REBLUR = 9
_LOW, _HIGH = 5, 95


@dataclass(frozen=True)
class Measures:
    """Of one photo, as small as `SIDE`."""

    lightness: float
    """mean CIELAB lightness, from 0 to 100"""
    spread: float
    """between the 5 % darkest and the 5 % lightest pixels, in lightness"""
    deviation: float
    """standard deviation of lightness"""
    blur: float
    """0 to 1: how little a further blur takes away (Crete, Dolmiere, Ladret, Nicolas: The blur effect, 2007)"""


def measure(photo: Photo) -> Measures:
    """Measures a photo of any size."""
    small = shrunk(photo, SIDE)
    lightness = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0]
    low, high = np.percentile(lightness, [_LOW, _HIGH])
    return Measures(
        float(lightness.mean()), float(high - low), float(lightness.std()), _blur(np.asarray(lightness, np.float32))
    )


def _blur(plane: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    """The larger one of both directions; 1 where nothing differs from its neighbour."""
    found = []
    for axis, size in ((1, (_REBLUR, 1)), (0, (1, _REBLUR))):
        steps = np.abs(np.diff(plane, axis=axis))
        softer = np.abs(np.diff(cv2.blur(plane, size), axis=axis))
        total = float(steps.sum())
        lost = float(np.maximum(steps - softer, 0).sum())
        found.append(1 - lost / total if total > 0 else 1.0)
    return max(found)
