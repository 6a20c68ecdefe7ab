"""Transforms that move pixels."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from apsi.photo import Photo
from apsi.transform.base import Transform
from apsi.transform.channel_group import Element
from apsi.transform.colour import CHANNELS, NAMES

OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}


@dataclass(frozen=True)
class ShiftHalf(Transform):
    """Moves one channel or all of them circularly by half of the side, rounded down.

    Left and right undo each other bit for bit at every size, up and down likewise.
    """

    deep = True

    direction: str
    channel: str

    @property
    def label(self) -> str:
        return f"shift_{self.direction}_{self.channel}"

    @property
    def advice(self) -> str:
        what = "picture" if self.channel == "all" else f"{NAMES[self.channel]} layer"
        return f"The {what} is cut and swapped around: move it {self.direction} by half."

    @property
    def inverse(self) -> "ShiftHalf":
        return ShiftHalf(OPPOSITE[self.direction], self.channel)

    @property
    def element(self) -> Element:
        moved = tuple(int(self.channel in (c, "all")) for c in CHANNELS)
        bits = (moved[0], moved[1], moved[2])
        return Element(across=bits) if self.direction in ("left", "right") else Element(down=bits)

    def __call__(self, photo: Photo) -> Photo:
        axis = 1 if self.direction in ("left", "right") else 0
        half = photo.shape[axis] // 2
        amount = -half if self.direction in ("left", "up") else half
        if self.channel == "all":
            return np.roll(photo, amount, axis=axis)
        c = CHANNELS.index(self.channel)
        shifted = photo.copy()
        shifted[:, :, c] = np.roll(photo[:, :, c], amount, axis=axis)
        return shifted


@dataclass(frozen=True)
class Flip(Transform):
    """Mirrors the photo, left to right or top to bottom; undoes itself."""

    deep = True

    axis: str
    """`horizontal` or `vertical`"""

    reframes: ClassVar[bool] = True

    @property
    def label(self) -> str:
        return f"flip_{self.axis}"

    @property
    def advice(self) -> str:
        return "It reads better mirrored." if self.axis == "horizontal" else "It is upside down: turn it over."

    @property
    def inverse(self) -> "Flip":
        return self

    def __call__(self, photo: Photo) -> Photo:
        return photo[:, ::-1] if self.axis == "horizontal" else photo[::-1]


TRANSFORMS = (
    *(ShiftHalf(d, c) for d in ("left", "down", "right", "up") for c in ("r", "g", "b", "all")),
    *(Flip(axis) for axis in ("horizontal", "vertical")),
)
