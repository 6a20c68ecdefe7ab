"""Transforms of light: one curve for all pixels, or one for each region."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from apsi.photo import Photo
from apsi.transform.base import Named
from apsi.transform.colour import look_up, to_bytes
from apsi.transform.equalise import equalise

_VALUES = np.arange(256.0)
_LINEAR = np.where(_VALUES / 255 <= 0.04045, _VALUES / 255 / 12.92, ((_VALUES / 255 + 0.055) / 1.055) ** 2.4)
BYTES_IN_LINEAR_LIGHT = _LINEAR.astype(np.float32)
"""Linear light in [0, 1] of each byte of sRGB, `(256,)`"""
_NEARLY_BLACK = 8 / 255  # mean of all values


def contrast_table(factor: float) -> npt.NDArray[np.uint8]:
    """Factor * (x - 127.5) + 127.5, saturating."""
    return to_bytes(factor * (_VALUES - 127.5) + 127.5)


def brightness_table(amount: float) -> npt.NDArray[np.uint8]:
    """X + amount, saturating: darkening 10 by 40 gives 0, not 30."""
    return to_bytes(_VALUES + amount)


def gamma_table(gamma: float) -> npt.NDArray[np.uint8]:
    """255 * (x / 255) ** gamma: below 1 brightens, above 1 darkens."""
    return to_bytes(255 * (_VALUES / 255) ** gamma)


def exposure_table(stops: float) -> npt.NDArray[np.uint8]:
    """Linear light times 2 ** stops, by the sRGB transfer functions of IEC 61966-2-1."""
    return to_bytes(255 * linear_to_srgb(_LINEAR * 2**stops))


def linear_to_srgb(light: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Linear light, clipped to [0, 1], as sRGB's values in [0, 1] (IEC 61966-2-1); keeps the dtype of floats."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class Curve(Named):
    """Replaces every value by what a table says, the same for all pixels and channels."""

    table: Callable[[float], npt.NDArray[np.uint8]]
    amount: float

    def __call__(self, photo: Photo) -> Photo:
        return look_up(photo, _table(self.table, self.amount))


@lru_cache(1024)  # as there is one for each photo whose gamma is found
def _table(table: Callable[[float], Any], amount: float) -> Any:
    return table(amount)


@dataclass(frozen=True)
class AutoGamma(Named):
    """The gamma that brings the mean to the middle of the scale; a nearly black or white photo stays as it is."""

    def fixed_for(self, photo: Photo) -> Curve:
        mean = float(np.mean(cv2.mean(np.ascontiguousarray(photo))[:3])) / 255
        # else there is nothing but noise to lift
        gamma = math.log(0.5) / math.log(mean) if _NEARLY_BLACK < mean < 1 - _NEARLY_BLACK else 1.0
        return Curve(self.name, self.words, gamma_table, gamma)

    def __call__(self, photo: Photo) -> Photo:
        return self.fixed_for(photo)(photo)


@dataclass(frozen=True)
class Clahe(Named):
    """Contrast-limited adaptive histogram equalisation of Lab's lightness: limit 2, 8 x 8 tiles."""

    def __call__(self, photo: Photo) -> Photo:
        lab = cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2LAB)
        lab[..., 0] = to_bytes(equalise(lab[..., 0].astype(np.uint8, copy=False), limit=2.0))
        return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Stretch(Named):
    """Lays the part of the scale from `low` to `high` over the whole of it, for each channel."""

    low: tuple[int, int, int]
    high: tuple[int, int, int]

    def __call__(self, photo: Photo) -> Photo:
        factors = [255 / (high - low) for low, high in zip(self.low, self.high, strict=True)]
        return look_up(photo, to_bytes((_VALUES[:, None] - np.array(self.low)) * np.array(factors)))


@dataclass(frozen=True)
class AutoContrast(Named):
    """Stretches each channel to the whole scale."""

    def fixed_for(self, photo: Photo) -> Stretch:
        rows = np.ascontiguousarray(photo)  # reduced in two steps, which is faster than over both sides at once
        low, high = rows.min(axis=0).min(axis=0), rows.max(axis=0).max(axis=0)
        one_value = low == high  # such a channel stays
        (r0, g0, b0), (r1, g1, b1) = np.where(one_value, 0, low).tolist(), np.where(one_value, 255, high).tolist()
        return Stretch(self.name, self.words, (r0, g0, b0), (r1, g1, b1))

    def __call__(self, photo: Photo) -> Photo:
        return self.fixed_for(photo)(photo)


_MUCH = {"up_weak": " a little", "up": "", "up_strong": " a lot"}
_MUCH |= {name.replace("up", "down"): much for name, much in _MUCH.items()}


def _curves(
    kind: str, table: Callable[[float], Any], amounts: dict[str, float], more: str, less: str
) -> tuple[Curve, ...]:
    return tuple(
        Curve(f"{kind}_{name}", f"{more if name.startswith('up') else less}{_MUCH[name]}.", table, amount)
        for name, amount in amounts.items()
    )


TRANSFORMS = (
    *_curves(
        "contrast",
        contrast_table,
        {"up_weak": 1.2, "up": 1.5, "up_strong": 2.0, "down_weak": 0.8, "down": 0.6, "down_strong": 0.5},
        "The picture looks flat: raise the contrast",
        "The contrast is too hard: lower it",
    ),
    *_curves(
        "brightness",
        brightness_table,
        {"up_weak": 20, "up": 40, "up_strong": 60, "down_weak": -20, "down": -40, "down_strong": -60},
        "It is too dark: lighten it",
        "It is too bright: darken it",
    ),
    *_curves(
        "exposure",
        exposure_table,
        {"up": 0.5, "up_strong": 1.0, "down": -0.5, "down_strong": -1.0},
        "It is underexposed: open up",
        "It is overexposed: close down",
    ),
    Curve("gamma_up", "The middle tones are too dark: lift them.", gamma_table, 0.8),
    Curve("gamma_down", "The middle tones are too light: press them down.", gamma_table, 1.2),
    AutoGamma("gamma_auto", "The exposure is off: bring the middle tones to the middle."),
    Clahe("clahe", "Dark and bright parts lack detail: even out the local contrast."),
    AutoContrast("auto_contrast", "The picture looks flat: stretch its tones from black to white."),
)
