"""Which crops are allowed, and the nearest allowed one to a wish."""

import math
from dataclasses import dataclass

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Floats
from apsi.photo.box import GRID, WHOLE, Box, Ratio, largest_of_ratio, ratio_text, sides_of
from apsi.transform.base import Transform
from apsi.transform.crop import Crop
from apsi.transform.crop_moves import CropTo, Reframe

_SLACK = 0.5 / GRID  # of a share: boxes are rounded
Wish = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class CropLimits:
    """What holds for every crop of one photo."""

    height: int
    """of the photo, in pixels"""
    width: int
    ratio: Ratio | None
    """width to height that every crop has; None: any"""
    min_area: float
    """smallest crop, as a share of the photo"""
    max_elongation: float
    """longer side of a crop by its shorter one, at most; a photo that is longer itself may stay so"""
    faces: Floats
    """`(n, 4)` boxes that no crop may cut or leave out, in shares"""

    def start(self) -> Box:
        """The largest crop: all of the photo, or of the given ratio as near to the middle as faces allow.

        Raises:
            ApsiError: the ratio leaves less than the smallest allowed area.
        """
        if self.ratio is None:
            return WHOLE
        across, down = largest_of_ratio(self.height, self.width, self.ratio)
        if across * down < self.min_area - _SLACK:
            raise ApsiError(
                f"env.aspect={ratio_text(self.ratio)} leaves at most {across * down:.2f} of a photo of "
                f"{self.width} x {self.height}, and env.min_area={self.min_area} asks for more: lower it, or choose "
                "another aspect"
            )
        places = sorted(np.linspace(0, 1, 21).tolist(), key=lambda place: abs(place - 0.5))
        boxes = [_placed(place * (1 - across), place * (1 - down), across, down) for place in places]
        return next((box for box in boxes if self._keeps_faces(box)), boxes[0])

    def move(self, box: Box, transform: Transform, part: Box | None = None) -> Box:
        """Where a move or a cut takes the box: itself where that would be no allowed crop.

        Args:
            box: as it is.
            transform: a `Reframe`, or one that cuts.
            part: what is left of the photo in the box, where it cuts.
        """
        if isinstance(transform, CropTo):
            moved: Box | None = self._reshaped(transform.box)
        elif isinstance(transform, Reframe):
            moved = self._shaped(box, *_inside(box, transform.moved(box)))
        else:
            assert part is not None
            inner = box.within(part)
            exact = isinstance(transform, Crop) and transform.ratio is not None
            moved = inner if exact else self._reshaped(inner)
        return moved if moved is not None and self._allows(moved, box) else box

    def _allows(self, box: Box, before: Box) -> bool:
        if box.area < min(self.min_area, before.area) - _SLACK:
            return False
        longest = max(self.max_elongation, self._elongation(before))
        return self._elongation(box) <= longest + 0.01 and self._keeps_faces(box)

    def _elongation(self, box: Box) -> float:
        shape = box.width * self.width / (box.height * self.height)
        return max(shape, 1 / shape)

    def _keeps_faces(self, box: Box) -> bool:
        inside = (self.faces[:, :2] >= box.array[:2] - _SLACK).all(axis=1)
        return bool((inside & (self.faces[:, 2:] <= box.array[2:] + _SLACK).all(axis=1)).all())

    def _shaped(self, before: Box, x1: float, y1: float, x2: float, y2: float) -> Box | None:
        """The box with these sides and the given ratio: the side that was not moved follows."""
        width, height = x2 - x1, y2 - y1
        if width < 1 / GRID or height < 1 / GRID:
            return None
        if self.ratio is None:
            return Box(x1, y1, x2, y2)
        shares = self._shares
        by_width, by_height = abs(width / before.width - 1), abs(height / before.height - 1)
        if max(by_width, by_height) < _SLACK:  # moved only
            width, height = before.width, before.height
        elif by_width >= by_height:
            height = width / shares
        else:
            width = height * shares
        shrink = max(1.0, width, height)
        width, height = width / shrink, height / shrink
        return _placed(
            _kept(before.x1, before.x2, x1, x2, width), _kept(before.y1, before.y2, y1, y2, height), width, height
        )

    def _reshaped(self, box: Box) -> Box:
        """A box of the given ratio with the same centre and area, as far as the photo goes."""
        if self.ratio is None:
            return box
        width = min(math.sqrt(box.area * self._shares), 1.0, self._shares)
        height = width / self._shares
        return _placed((box.x1 + box.x2 - width) / 2, (box.y1 + box.y2 - height) / 2, width, height)

    @property
    def _shares(self) -> float:
        """Width by height of the ratio, in shares of the photo's sides."""
        assert self.ratio is not None
        across, down = sides_of(self.ratio, self.height, self.width)
        return across * self.height / (down * self.width)


def _inside(before: Box, wish: Wish) -> Wish:
    """The wish within the photo: slid back where it only moves, cut off where it grows."""
    x1, x2 = _side_inside(before.width, wish[0], wish[2])
    y1, y2 = _side_inside(before.height, wish[1], wish[3])
    return x1, y1, x2, y2


def _side_inside(length: float, low: float, high: float) -> tuple[float, float]:
    if abs(high - low - length) < _SLACK:
        low = min(max(0.0, low), 1 - length)
        return low, low + length
    return max(0.0, low), min(1.0, high)


def _kept(old_low: float, old_high: float, low: float, high: float, length: float) -> float:
    """Where a side of this length begins: the end that was not moved stays, or else the middle."""
    if abs(low - old_low) < _SLACK < abs(high - old_high):
        return low
    if abs(high - old_high) < _SLACK < abs(low - old_low):
        return high - length
    return (low + high - length) / 2


def _placed(x: float, y: float, width: float, height: float) -> Box:
    width, height = min(width, 1.0), min(height, 1.0)
    x, y = min(max(0.0, x), 1 - width), min(max(0.0, y), 1 - height)
    return Box(x, y, min(1.0, x + width), min(1.0, y + height))
