"""Parts of a photo as shares of its sides."""

import re
from dataclasses import astuple, dataclass
from typing import Literal, Self

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Floats, Photo

GRID = 1000
"""Boxes begin and end on thousandths of the sides: what is written of a box is the box"""
ORIGINAL: Literal["original"] = "original"
Ratio = tuple[int, int] | Literal["original"]
"""Width to height, such as `(3, 2)`, or that of the photo it is a part of"""
Sides = tuple[float, float, float, float]
"""Left, top, right and bottom"""
_RATIO = re.compile(r"([1-9]\d{0,4}):([1-9]\d{0,4})")


def parse_ratio(text: str, place: str) -> Ratio:
    """Width to height of a text such as `3:2`, or `original`.

    Raises:
        ApsiError: it is written otherwise, the message names `place`.
    """
    if text == ORIGINAL:
        return ORIGINAL
    found = _RATIO.fullmatch(text)
    if found is None:
        raise ApsiError(f"{place}={text} must be width:height in whole numbers, such as 3:2 or 1:1, or {ORIGINAL}")
    return int(found[1]), int(found[2])


def ratio_text(ratio: Ratio) -> str:
    """What `parse_ratio` reads."""
    return ratio if isinstance(ratio, str) else f"{ratio[0]}:{ratio[1]}"


def sides_of(ratio: Ratio, height: int, width: int) -> tuple[int, int]:
    """Width and height of a ratio, in a photo of this size."""
    return (width, height) if isinstance(ratio, str) else ratio


def largest_of_ratio(height: int, width: int, ratio: Ratio) -> tuple[float, float]:
    """Width and height, as shares of the sides, of the largest part with this ratio of a photo of this size."""
    across, down = sides_of(ratio, height, width)
    unit = min(width / across, height / down)
    return unit * across / width, unit * down / height


def as_stored(part: Sides, orientation: int, width: float = 1, height: float = 1) -> Sides:
    """The same part in the pixels as a file holds them, which are not upright.

    Args:
        part: left, top, right and bottom in the upright photo.
        orientation: that EXIF names, 1 to 8: how the pixels are turned to be upright.
        width: of the upright photo in the unit of `part`; 1 for shares.
        height: likewise.
    """
    left, top, right, bottom = part
    if orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    return (top, left, bottom, right) if orientation >= 5 else (left, top, right, bottom)


@dataclass(frozen=True)
class Box:
    """A part of a photo: x from left to right, y from top to bottom, from 0 to 1, rounded to thousandths."""

    x1: float = 0.0
    y1: float = 0.0
    x2: float = 1.0
    y2: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ApsiError(f"{name}={value} of a box must be from 0 to 1, a share of the photo's side")
            object.__setattr__(self, name, round(float(value), 3) + 0.0)
        if self.x2 <= self.x1 or self.y2 <= self.y1:
            raise ApsiError(
                f"the box {self} is empty or inverted: x1 < x2 and y1 < y2 are needed{self._hint_of_widths()}"
            )

    def _hint_of_widths(self) -> str:
        return (
            f"; if these are x, y, width and height, it is {Box.of_size(*astuple(self))}"
            if self.x1 + self.x2 <= 1 and self.y1 + self.y2 <= 1 and min(self.x2, self.y2) > 0
            else ""
        )

    def __str__(self) -> str:
        return ",".join(f"{value:.3f}" for value in astuple(self))

    @classmethod
    def of_size(cls, x: float, y: float, width: float, height: float) -> "Box":
        """The box that begins at `x`, `y`; what lies outside of the photo is left out."""
        return cls(max(0.0, x), max(0.0, y), min(1.0, x + width), min(1.0, y + height))

    @property
    def width(self) -> float:
        """Share of the photo's width."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Share of the photo's height."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Share of the photo."""
        return self.width * self.height

    @property
    def array(self) -> Floats:
        """`(4,)`: x1, y1, x2, y2."""
        return np.array(astuple(self), np.float64)

    def within(self, inner: "Box") -> Self:
        """The part of this box that `inner` is, as a part of the whole photo."""
        return type(self)(
            self.x1 + inner.x1 * self.width,
            self.y1 + inner.y1 * self.height,
            self.x1 + inner.x2 * self.width,
            self.y1 + inner.y2 * self.height,
        )

    def pixels(self, height: int, width: int, ratio: Ratio | None = None) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in a photo of this size.

        Args:
            height: of the photo, in pixels.
            width: of the photo, in pixels.
            ratio: width to height of the part, which it then has to within a pixel.
        """
        part_w, part_h = max(1, round(self.width * width)), max(1, round(self.height * height))
        if ratio is not None:
            across, down = sides_of(ratio, height, width)
            part_h = max(1, round(part_w * down / across))
            if part_h > height:
                part_h = height
                part_w = min(width, max(1, round(height * across / down)))
        left = round((self.x1 + self.x2) / 2 * width - part_w / 2)
        top = round((self.y1 + self.y2) / 2 * height - part_h / 2)
        left, top = min(max(0, left), width - part_w), min(max(0, top), height - part_h)
        return left, top, left + part_w, top + part_h

    def cut(self, photo: Photo, ratio: Ratio | None = None) -> Photo:
        """The part of a photo, not copied."""
        height, width = photo.shape[:2]
        left, top, right, bottom = self.pixels(height, width, ratio)
        return photo[top:bottom, left:right]


WHOLE = Box()
"""All of a photo"""
