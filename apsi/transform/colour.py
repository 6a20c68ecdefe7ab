"""Transforms of colour channels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from apsi.photo import Photo
from apsi.photo.depth import to_whole, white
from apsi.transform.bands import by_bands
from apsi.transform.base import Named, Transform
from apsi.transform.channel_group import Element

CHANNELS = "rgb"
_LARGEST_GAIN = 8  # of white balance
NAMES = {"r": "red", "g": "green", "b": "blue", "all": "all channels"}


@dataclass(frozen=True)
class SwapChannels(Transform):
    """Exchanges two channels; undoes itself."""

    deep = True

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
class InvertChannels(Transform):
    """Turns channels into their negatives, 255 - x; undoes itself."""

    deep = True

    channels: str
    """of `rgb`"""

    @property
    def label(self) -> str:
        return "invert_all" if self.channels == CHANNELS else f"invert_{self.channels}"

    @property
    def advice(self) -> str:
        names = " and ".join(NAMES[c] for c in self.channels) if len(self.channels) < 3 else "whole picture's"
        return f"The {names} tones look like a negative: invert them."

    @property
    def inverse(self) -> Self:
        return self

    @property
    def element(self) -> Element:
        return Element(inverted=(int("r" in self.channels), int("g" in self.channels), int("b" in self.channels)))

    def __call__(self, photo: Photo) -> Photo:
        inverted, top = photo.copy(), white(photo.dtype)
        for c in self.channels:
            inverted[:, :, CHANNELS.index(c)] ^= top  # 255 - x == x ^ 255 for uint8
        return inverted


@dataclass(frozen=True)
class Gray(Transform):
    """Takes the colours away; `luma` weighs the channels as the eye does (Rec. 601), `mean` equally."""

    deep = True

    method: str

    @property
    def label(self) -> str:
        return f"gray_{self.method}"

    @property
    def advice(self) -> str:
        weights = "as the eye weighs colours" if self.method == "luma" else "with all colours weighed alike"
        return f"The colours add nothing here: try it in black and white, {weights}."

    def __call__(self, photo: Photo) -> Photo:
        weights = np.array([299, 587, 114] if self.method == "luma" else [1, 1, 1], np.uint32)

        def gray(rows: Photo) -> Photo:  # in whole numbers: halves are halves wherever they stand
            total = sum(rows[..., c] * weights[c] for c in range(3))
            return np.repeat(to_whole(total / weights.sum(), rows.dtype)[..., None], 3, axis=2)

        return by_bands(gray, photo)


@dataclass(frozen=True)
class Saturate(Named):
    """Multiplies the saturation of HSV by `factor`."""

    deep = True

    factor: float

    def __call__(self, photo: Photo) -> Photo:
        return change_saturation(photo, lambda s: s * self.factor)


@dataclass(frozen=True)
class Vibrance(Named):
    """Saturation s becomes s * (1 + 0.5 * (1 - s)): pale colours gain most."""

    deep = True

    def __call__(self, photo: Photo) -> Photo:
        return change_saturation(photo, lambda s: s * (1 + 0.5 * (1 - s)))


@dataclass(frozen=True)
class Gains(Named):
    """Multiplies each channel by a factor, saturating."""

    deep = True

    factors: tuple[float, float, float]

    def __call__(self, photo: Photo) -> Photo:
        return multiply_channels(photo, self.factors)


@dataclass(frozen=True)
class WhiteBalance(Named):
    """Gray world: scales the channels so that their means are equal (Buchsbaum 1980).

    Where a channel is nearly empty, its mean less than an eighth of the mean of all, the photo stays as it is.
    """

    deep = True

    def fixed_for(self, photo: Photo) -> Gains:
        means = np.array(cv2.mean(np.ascontiguousarray(photo))[:3])
        if means.min() * _LARGEST_GAIN <= means.mean():  # the channel holds noise, or the photo is black
            return Gains(self.name, self.words, (1.0, 1.0, 1.0))
        r, g, b = (means.mean() / means).tolist()
        return Gains(self.name, self.words, (r, g, b))

    def __call__(self, photo: Photo) -> Photo:
        return self.fixed_for(photo)(photo)


def to_bytes(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Values on the scale 0 to 255, rounded and saturating."""
    return to_whole(values, np.uint8)


def tone_table(curve: Callable[[npt.NDArray[np.float64]], npt.NDArray[Any]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """What a curve makes of every value of photos of this type.

    Args:
        curve: values on the scale 0 to 255 `(n,)` -> such values `(n,)`, or `(n, 3)` for a curve a channel.
        dtype: `uint8` or `uint16`.
    """
    finer = white(dtype) // 255
    return to_whole(curve(np.arange(white(dtype) + 1) / finer) * finer, dtype)


def look_up(photo: Photo, table: npt.NDArray[Any]) -> Photo:
    """Replaces every value by its entry in a table `(256,)`, or `(256, 3)` for one a channel; of 65,536 for 16 bits."""
    table = table.reshape(1, len(table), -1)
    replaced: Photo = cv2.LUT(np.ascontiguousarray(photo), table).astype(table.dtype, copy=False)
    return replaced


def multiply_channels(photo: Photo, factors: tuple[float, float, float]) -> Photo:
    """Multiplies each channel by its factor, saturating."""
    return look_up(photo, tone_table(lambda values: values[:, None] * np.array(factors), photo.dtype))


def change_saturation(photo: Photo, change: Callable[[Any], Any]) -> Photo:
    """Applies a function to the saturation of HSV, in [0, 1]; hue and value stay."""

    def changed(rows: Photo) -> Photo:
        hsv = cv2.cvtColor(rows.astype(np.float32) / white(rows.dtype), cv2.COLOR_RGB2HSV)
        hsv[..., 1] = np.clip(change(hsv[..., 1]), 0, 1)
        return to_whole(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * white(rows.dtype), rows.dtype)

    return by_bands(changed, photo)


TRANSFORMS = (
    *(SwapChannels(a, b) for a, b in ("rg", "rb", "gb")),
    *(InvertChannels(c) for c in ("r", "g", "b", "rg", "rb", "gb", "rgb")),
    *(Gray(method) for method in ("luma", "mean")),
    *(
        Saturate(f"saturation_{name}", f"The colours {words}.", factor)
        for name, factor, words in (
            ("up_weak", 1.2, "could be a little richer"),
            ("up", 1.5, "look dull: saturate them more"),
            ("up_strong", 2.0, "look washed out: saturate them much more"),
            ("down_weak", 0.8, "could be a little calmer"),
            ("down", 0.6, "are too loud: take saturation away"),
            ("down_strong", 0.4, "shout: take most of the saturation away"),
        )
    ),
    Vibrance("vibrance", "The pale colours could be livelier: add some vibrance."),
    Gains("warmth", "The light is too cold: warm it up.", (1.15, 1.0, 0.85)),
    Gains("coolness", "The light is too warm: cool it down.", (0.85, 1.0, 1.15)),
    WhiteBalance("white_balance", "There is a colour cast: balance the white."),
)
