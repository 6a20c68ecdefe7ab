"""Transforms that cut: to a shape, to the rule of thirds."""

from dataclasses import dataclass

import cv2
import numpy as np

from apsi.photo import Photo
from apsi.photo.resize import resize
from apsi.transform.base import Transform

_LOOK = 128  # shorter side, in pixels, on which photos are looked at


@dataclass(frozen=True)
class CropRatio(Transform):
    """The largest centred part with sides in the ratio width : height."""

    width: int
    height: int

    @property
    def label(self) -> str:
        return f"crop_{self.width}_{self.height}"

    @property
    def advice(self) -> str:
        return f"Try it tighter, as {self.width} to {self.height}."

    def __call__(self, photo: Photo) -> Photo:
        h, w = photo.shape[:2]
        unit = min(w / self.width, h / self.height)
        new_w, new_h = max(1, round(unit * self.width)), max(1, round(unit * self.height))
        left, top = (w - new_w) // 2, (h - new_h) // 2
        return photo[top : top + new_h, left : left + new_w]


@dataclass(frozen=True)
class CropThirds(Transform):
    """A part of 80 % that brings what stands out nearest to a point of the rule of thirds.

    What stands out is the centre of mass of the edges' strength (Sobel).
    """

    @property
    def label(self) -> str:
        return "crop_thirds"

    @property
    def advice(self) -> str:
        return "Put the subject on a third instead of the middle."

    def __call__(self, photo: Photo) -> Photo:
        h, w = photo.shape[:2]
        x, y = _centre_of_edges(photo)
        new_w, new_h = max(1, round(0.8 * w)), max(1, round(0.8 * h))
        left, top = _offset(x * w, new_w, w), _offset(y * h, new_h, h)
        return photo[top : top + new_h, left : left + new_w]


def _gray(photo: Photo) -> Photo:
    """A small gray version, the same for a photo and for its enlargement."""
    h, w = photo.shape[:2]
    scale = min(1.0, _LOOK / min(h, w))
    small = resize(photo, max(1, round(w * scale)), max(1, round(h * scale)))
    return cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _centre_of_edges(photo: Photo) -> tuple[float, float]:
    """Across and down, as shares of the photo's sides; the middle where there is no edge."""
    gray = _gray(photo).astype(np.float32)
    strength = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)).astype(np.float64)
    total = float(strength.sum())
    if total == 0:
        return 0.5, 0.5
    h, w = gray.shape
    across = float(strength.sum(axis=0) @ (np.arange(w) + 0.5)) / total / w
    down = float(strength.sum(axis=1) @ (np.arange(h) + 0.5)) / total / h
    return across, down


def _offset(position: float, part: int, whole: int) -> int:
    """Where a part begins in which `position` lies as near to a third as the whole allows."""
    starts = [min(whole - part, max(0, round(position - part * third))) for third in (1 / 3, 2 / 3)]
    return min(starts, key=lambda start: min(abs((position - start) / part - third) for third in (1 / 3, 2 / 3)))


TRANSFORMS = (
    *(CropRatio(width, height) for width, height in ((16, 9), (4, 3), (3, 2), (1, 1), (4, 5), (5, 4))),
    CropThirds(),
)
