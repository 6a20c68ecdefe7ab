"""Transforms that cut: to a box, to a shape, to the rule of thirds."""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from apsi.photo import Floats, Photo
from apsi.photo.box import ORIGINAL, Box, Ratio, largest_of_ratio, parse_ratio, ratio_text
from apsi.photo.depth import to_8_bits
from apsi.transform.base import LabelParser, Named, Transform
from apsi.transform.saliency import saliency

_PART = 0.8  # of each side
_PLACES = 64  # on each side where the part may begin: few enough to fall on whole pixels of small photos too
_ALIKE = 0.0005  # of all looks: parts that keep so much less are nearly as good
_WORTH_OF_THIRDS = 0.04  # a subject that is off by the whole side counts as much as this share of all looks

_CLOSER, _AS_IT_IS = "Come closer: much around the subject does not help it.", "Keep the frame as it is."
_CUT = {side: f"Crop it, most at the {side}." for side in ("left", "top", "right", "bottom")}
SENTENCES = (_CLOSER, _AS_IT_IS, *_CUT.values())
"""All that a `Crop` advises"""

_LABEL = re.compile(r"crop\(([^,()]+),([^,()]+),([^,()]+),([^,()]+)(?:,([^,()]+))?\)")
_WRITTEN = (
    "with x1,y1,x2,y2 as shares of the sides, and maybe a ratio, as in crop(0.100,0.000,0.900,1.000) or "
    "crop(0.1,0,0.9,0.8,3:2)"
)


@dataclass(frozen=True)
class Crop(Transform):
    """A part of a photo, given as shares of its sides: the same part at every size.

    With a ratio, the part has it to within a pixel at every size; the box's thousandths alone would be off by a few.
    """

    reframes: ClassVar[bool] = True
    deep = True

    box: Box
    ratio: Ratio | None = None

    @property
    def label(self) -> str:
        ratio = "" if self.ratio is None else f",{ratio_text(self.ratio)}"
        return f"crop({self.box}{ratio})"

    @property
    def advice(self) -> str:
        sides = ((self.box.x1, "left"), (self.box.y1, "top"), (1 - self.box.x2, "right"), (1 - self.box.y2, "bottom"))
        cut, side = max(sides)
        if self.box.area < 0.6:
            return _CLOSER
        return _CUT[side] if cut >= 0.02 else _AS_IT_IS

    def part_of(self, photo: Photo) -> Box:
        return self.box

    def then(self, other: Transform) -> Transform | None:
        if not isinstance(other, Crop) or (other.ratio == ORIGINAL and self.ratio is None):
            return None
        return Crop(self.box.within(other.box), self.ratio if other.ratio == ORIGINAL else other.ratio)

    def __call__(self, photo: Photo) -> Photo:
        return self.box.cut(photo, self.ratio)


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

    @property
    def ratio(self) -> Ratio:
        """Width to height."""
        return self.width, self.height

    def part_of(self, photo: Photo) -> Box:
        height, width = photo.shape[:2]
        across, down = largest_of_ratio(height, width, (self.width, self.height))
        return Box(0.5 - across / 2, 0.5 - down / 2, 0.5 + across / 2, 0.5 + down / 2)

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

    def part_of(self, photo: Photo) -> Box:
        left, top = min(self.across, 1 - _PART), min(self.down, 1 - _PART)
        return Box(left, top, min(1.0, left + _PART), min(1.0, top + _PART))

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

    def part_of(self, photo: Photo) -> Box:
        return self.fixed_for(photo).part_of(photo)

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


def parse(label: str) -> Crop | None:
    """The crop of a label such as `crop(0.100,0.000,0.900,1.000)`; None where it is no such label.

    Raises:
        ApsiError: the box or its ratio means nothing.
    """
    found = _LABEL.fullmatch(label)
    try:
        box = [float(number) for number in found.groups()[:4]] if found else None
    except ValueError:
        return None
    if found is None or box is None:
        return None
    return Crop(Box(*box), parse_ratio(found[5], f"the ratio of {label}") if found[5] else None)


PARSERS = (LabelParser(("crop",), _WRITTEN, parse),)

TRANSFORMS = (
    *(CropRatio(width, height) for width, height in ((16, 9), (4, 3), (3, 2), (1, 1), (4, 5), (5, 4))),
    CropThirds(),
)
