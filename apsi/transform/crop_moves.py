"""Moves of a crop's box: what an agent that frames does."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.box import WHOLE, Box
from apsi.transform.base import LabelParser, Transform
from apsi.transform.crop import Crop
from apsi.transform.crop import parse as parse_crop

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


Edges = tuple[float, float, float, float]
"""x1, y1, x2 and y2 of a box that may reach beyond the photo, or be inverted"""


@dataclass(frozen=True)
class Reframe(Transform):
    """A change of a crop's box in an environment that keeps the whole photo (`env=crop`).

    Of a photo by itself a part is taken away, and a move that would show more is an error.
    """

    reframes: ClassVar[bool] = True
    deep = True

    @abstractmethod
    def moved(self, box: Box) -> Edges:
        """Where the edges of a box go."""

    def __call__(self, photo: Photo) -> Photo:
        x1, y1, x2, y2 = self.moved(WHOLE)
        if min(x1, y1) < 0 or max(x2, y2) > 1:
            raise ApsiError(
                f"{self.label} shows what lies outside of the photo: add env=crop degradation=none, which keeps that"
            )
        return Box(x1, y1, x2, y2).cut(photo)


@dataclass(frozen=True)
class CropTo(Reframe):
    """A box of the whole photo, whatever part of it is shown; `Crop` is one of the part that is shown."""

    box: Box

    @property
    def label(self) -> str:
        return f"crop_to({self.box})"

    @property
    def advice(self) -> str:
        return Crop(self.box).advice

    @property
    def mirrored(self) -> "CropTo":
        return CropTo(Box(1 - self.box.x2, self.box.y1, 1 - self.box.x1, self.box.y2))

    def moved(self, box: Box) -> Edges:
        return self.box.x1, self.box.y1, self.box.x2, self.box.y2


@dataclass(frozen=True)
class CropMove(Reframe):
    """A change of the box by a step, a share of the whole photo's sides.

    Edges go inward by positive steps and outward by negative ones.
    """

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
    def mirrored(self) -> "CropMove":
        swapped = {"left": "right", "right": "left"}
        name = "_".join(swapped.get(word, word) for word in self.name.split("_"))
        return CropMove(name, -self.step if self.name == "crop_move_x" else self.step)

    @property
    def inverse(self) -> "CropMove":
        return CropMove(self.name, -self.step)

    def moved(self, box: Box) -> Edges:
        x1, y1, x2, y2 = (
            edge + self.step * move for edge, move in zip(box.array.tolist(), _KINDS[self.name].moves, strict=True)
        )
        return x1, y1, x2, y2


def parse_to(label: str) -> CropTo | None:
    """The box of a label such as `crop_to(0.100,0.000,0.900,1.000)`; None where it is no such label."""
    crop = parse_crop(label.replace("crop_to(", "crop(", 1))
    return None if crop is None or crop.ratio is not None else CropTo(crop.box)


def parse(label: str) -> CropMove | None:
    """The move of a label such as `crop_left(+0.050)`; None where it is no such label."""
    found = _LABEL.fullmatch(label)
    return CropMove(found[1], float(found[2])) if found and found[1] in _KINDS else None


PARSERS = (
    LabelParser(tuple(_KINDS), "with a step of up to half a side written as in crop_left(+0.050)", parse),
    LabelParser(("crop_to",), "with x1,y1,x2,y2 as shares of the whole photo's sides", parse_to),
)
