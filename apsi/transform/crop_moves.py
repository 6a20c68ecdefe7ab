"""Moves of a crop's box: what an agent that frames does, a step at a time."""

import re
from dataclasses import dataclass
from typing import ClassVar

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.box import Box
from apsi.transform.base import LabelParser, Transform

_LABEL = re.compile(r"(crop_[a-z_]+)\(([+-]\d\.\d{3})\)")


@dataclass(frozen=True)
class _Kind:
    moves: tuple[float, float, float, float]
    """of x1, y1, x2 and y2, in steps"""
    more: str
    less: str


_KINDS = {
    "crop_left": _Kind((1, 0, 0, 0), "Take away something at the left.", "Show more at the left."),
    "crop_top": _Kind((0, 1, 0, 0), "Take away something at the top.", "Show more at the top."),
    "crop_right": _Kind((0, 0, -1, 0), "Take away something at the right.", "Show more at the right."),
    "crop_bottom": _Kind((0, 0, 0, -1), "Take away something at the bottom.", "Show more at the bottom."),
    "crop_zoom": _Kind((0.5, 0.5, -0.5, -0.5), "Come closer.", "Step back."),
    "crop_zoom_top_left": _Kind((0, 0, -1, -1), "Come closer to the top left.", "Show more below right."),
    "crop_zoom_top_right": _Kind((1, 0, 0, -1), "Come closer to the top right.", "Show more below left."),
    "crop_zoom_bottom_left": _Kind((0, 1, -1, 0), "Come closer to the bottom left.", "Show more above right."),
    "crop_zoom_bottom_right": _Kind((1, 1, 0, 0), "Come closer to the bottom right.", "Show more above left."),
    "crop_move_x": _Kind((1, 0, 1, 0), "Aim further right.", "Aim further left."),
    "crop_move_y": _Kind((0, 1, 0, 1), "Aim lower.", "Aim higher."),
    "crop_width": _Kind((-0.5, 0, 0.5, 0), "Make it wider.", "Make it narrower."),
    "crop_height": _Kind((0, -0.5, 0, 0.5), "Make it taller.", "Make it flatter."),
}


@dataclass(frozen=True)
class CropMove(Transform):
    """A change of the box by a step, a share of the original's sides.

    Edges go inward by positive steps and outward by negative ones. Only an environment that keeps the whole photo can
    show what was cut away (`env=crop`); of a photo by itself a part is taken away, and a move that would show more is
    an error.
    """

    reframes: ClassVar[bool] = True
    deep = True

    name: str
    step: float
    """rounded to three decimals, which the label has"""

    def __post_init__(self) -> None:
        if not 0 < abs(self.step) <= 0.5:
            raise ApsiError(f"the step of {self.name} is {self.step}, it must be from -0.5 to 0.5 and not 0")
        object.__setattr__(self, "step", round(float(self.step), 3) + 0.0)

    @property
    def label(self) -> str:
        return f"{self.name}({self.step:+.3f})"

    @property
    def advice(self) -> str:
        kind = _KINDS[self.name]
        return kind.more if self.step > 0 else kind.less

    @property
    def inverse(self) -> "CropMove":
        return CropMove(self.name, -self.step)

    def moved(self, box: Box) -> tuple[float, float, float, float]:
        """Where the sides of a box go, x1, y1, x2, y2: maybe beyond the photo, or past each other."""
        x1, y1, x2, y2 = (
            edge + self.step * move for edge, move in zip(box.array.tolist(), _KINDS[self.name].moves, strict=True)
        )
        return x1, y1, x2, y2

    def __call__(self, photo: Photo) -> Photo:
        x1, y1, x2, y2 = self.moved(Box())
        if min(x1, y1) < 0 or max(x2, y2) > 1:
            raise ApsiError(f"{self.label} shows what lies outside of the photo: it needs env=crop, which keeps that")
        return Box(x1, y1, x2, y2).cut(photo)


def parse(label: str) -> CropMove | None:
    """The move of a label such as `crop_left(+0.050)`; None where it is no such label."""
    found = _LABEL.fullmatch(label)
    return CropMove(found[1], float(found[2])) if found and found[1] in _KINDS else None


PARSERS = (LabelParser(tuple(_KINDS), "with a step of up to half a side written as in crop_left(+0.050)", parse),)
