"""Transforms of colour channels."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from apsi.photo import Photo
from apsi.transform.base import Transform
from apsi.transform.channel_group import Element

CHANNELS = "rgb"
NAMES = {"r": "red", "g": "green", "b": "blue", "all": "all channels"}


@dataclass(frozen=True)
class SwapChannels(Transform):
    """Exchanges two channels; undoes itself."""

    first: str
    second: str

    @property
    def label(self) -> str:
        return f"swap_{self.first}{self.second}"

    @property
    def advice(self) -> str:
        return f"The colours look exchanged: swap {NAMES[self.first]} and {NAMES[self.second]}."

    @property
    def order(self) -> tuple[int, int, int]:
        """Source index of each output channel."""
        order = [0, 1, 2]
        a, b = CHANNELS.index(self.first), CHANNELS.index(self.second)
        order[a], order[b] = b, a
        return (order[0], order[1], order[2])

    @property
    def inverse(self) -> Self:
        return self

    @property
    def element(self) -> Element:
        return Element(source=self.order)

    def __call__(self, photo: Photo) -> Photo:
        return photo[:, :, self.order]


@dataclass(frozen=True)
class InvertChannel(Transform):
    """Turns one channel into its negative, 255 - x; undoes itself."""

    channel: str

    @property
    def label(self) -> str:
        return f"invert_{self.channel}"

    @property
    def advice(self) -> str:
        return f"The {NAMES[self.channel]} tones look like a negative: invert them."

    @property
    def inverse(self) -> Self:
        return self

    @property
    def element(self) -> Element:
        c = self.channel
        return Element(inverted=(int(c == "r"), int(c == "g"), int(c == "b")))

    def __call__(self, photo: Photo) -> Photo:
        c = CHANNELS.index(self.channel)
        inverted = photo.copy()
        np.bitwise_xor(photo[:, :, c], 255, out=inverted[:, :, c])  # 255 - x == x ^ 255 for uint8
        return inverted


TRANSFORMS = (
    *(SwapChannels(a, b) for a, b in ("rg", "rb", "gb")),
    *(InvertChannel(c) for c in CHANNELS),
)
