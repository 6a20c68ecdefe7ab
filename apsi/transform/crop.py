"""Transforms that cut: to a shape, to the rule of thirds."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from apsi.photo import Floats, Photo
from apsi.photo.depth import to_8_bits
from apsi.transform.base import Named, Transform
from apsi.transform.saliency import saliency

_PART = 0.8  # of each side
_PLACES = 64  # on each side where the part may begin: few enough to fall on whole pixels of small photos too
_ALIKE = 0.0005  # of all looks: parts that keep so much less are nearly as good
_WORTH_OF_THIRDS = 0.04  # a subject that is off by the whole side counts as much as this share of all looks


@dataclass(frozen=True)
class CropRatio(Transform):
    """The largest centred part with sides in the ratio width : height."""

    deep = True

    width: int
    height: int

    reframes: ClassVar[bool] = True

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
class CropPart(Named):
    """The part of 80 % that begins at these shares of the photo's sides."""

    reframes: ClassVar[bool] = True
    deep = True

    across: float
    down: float

    def __call__(self, photo: Photo) -> Photo:
        h, w = photo.shape[:2]
        new_w, new_h = max(1, round(_PART * w)), max(1, round(_PART * h))
        left, top = min(round(self.across * w), w - new_w), min(round(self.down * h), h - new_h)
        return photo[top : top + new_h, left : left + new_w]


@dataclass(frozen=True)
class CropThirds(Transform):
    """The part of 80 % that keeps most of what people look at, and rather brings it to a point of the rule of thirds.

    What people look at is guessed by `apsi.transform.saliency`; the subject is where they look most.
    """

    reframes: ClassVar[bool] = True
    deep = True

    @property
    def label(self) -> str:
        return "crop_thirds"

    @property
    def advice(self) -> str:
        return "Put the subject on a third instead of the middle."

    def fixed_for(self, photo: Photo) -> CropPart:
        return CropPart(self.label, self.advice, *_most_looked_at(saliency(to_8_bits(photo))))

    def __call__(self, photo: Photo) -> Photo:
        return self.fixed_for(photo)(photo)


def _most_looked_at(looks: Floats) -> tuple[float, float]:
    """Where the part begins, across and down, as shares of the photo's sides."""
    h, w = looks.shape
    starts = np.linspace(0, 1 - _PART, 21)
    rows, columns = _shares_within(h, starts), _shares_within(w, starts)
    kept = rows @ looks @ columns.T
    subject = looks**2 / (looks**2).sum()  # more of the peak than of all around it
    off_down = _off_thirds(subject.sum(axis=1) @ (np.arange(h) + 0.5) / h, starts)
    off_across = _off_thirds(subject.sum(axis=0) @ (np.arange(w) + 0.5) / w, starts)
    kept -= _WORTH_OF_THIRDS * (off_down[:, None] + off_across)
    # a mean of the best rather than the very best, so that a photo and its enlargement are cut alike
    weights = np.exp((kept - kept.max()) / _ALIKE)
    weights /= weights.sum()
    across, down = float(weights.sum(axis=0) @ starts), float(weights.sum(axis=1) @ starts)
    return round(across * _PLACES) / _PLACES, round(down * _PLACES) / _PLACES


def _shares_within(pixels: int, starts: Floats) -> Floats:
    """Which share of each pixel lies in the part that begins at each start, `(starts, pixels)`."""
    edges = np.arange(pixels) / pixels
    shares: Floats = np.minimum(edges + 1 / pixels, starts[:, None] + _PART) - np.maximum(edges, starts[:, None])
    return np.clip(shares * pixels, 0, 1)


def _off_thirds(subject: float, starts: Floats) -> Floats:
    """How far from the nearer third the subject lies in each part, in sides of the part."""
    position = (subject - starts) / _PART
    off: Floats = np.minimum(np.abs(position - 1 / 3), np.abs(position - 2 / 3))
    return off


TRANSFORMS = (
    *(CropRatio(width, height) for width, height in ((16, 9), (4, 3), (3, 2), (1, 1), (4, 5), (5, 4))),
    CropThirds(),
)
