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
from apsi.photo.depth import to_whole, white
from apsi.transform.bands import by_bands
from apsi.transform.base import Named
from apsi.transform.colour import look_up, to_bytes, tone_table
from apsi.transform.equalise import Equalisation

_NEARLY_BLACK = 8 / 255  # mean of all values


def contrast_table(factor: float, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
    """Factor * (x - 127.5) + 127.5, saturating."""
    return tone_table(lambda values: factor * (values - 127.5) + 127.5, dtype)


def brightness_table(amount: float, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
    """X + amount, saturating: darkening 10 by 40 gives 0, not 30."""
    return tone_table(lambda values: values + amount, dtype)


def gamma_table(gamma: float, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
    """255 * (x / 255) ** gamma: below 1 brightens, above 1 darkens."""
    return tone_table(lambda values: 255 * (values / 255) ** gamma, dtype)


def exposure_table(stops: float, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
    """Linear light times 2 ** stops, by the sRGB transfer functions of IEC 61966-2-1."""
    return tone_table(lambda values: 255 * linear_to_srgb(srgb_to_linear(values / 255) * 2**stops), dtype)


def srgb_to_linear(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """SRGB's values in [0, 1] as linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Linear light, clipped to [0, 1], as sRGB's values in [0, 1] (IEC 61966-2-1); keeps the dtype of floats."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


BYTES_IN_LINEAR_LIGHT = srgb_to_linear(np.arange(256.0) / 255).astype(np.float32)
"""Linear light in [0, 1] of each byte of sRGB, `(256,)`"""


@dataclass(frozen=True)
class Curve(Named):
    """Replaces every value by what a table says, the same for all pixels and channels."""

    deep = True

    table: Callable[[float, npt.DTypeLike], npt.NDArray[Any]]
    amount: float

    def __call__(self, photo: Photo) -> Photo:
        return look_up(photo, _table(self.table, self.amount, photo.dtype))


@lru_cache(256)  # as there is one for each photo whose gamma is found
def _table(table: Callable[[float, Any], Any], amount: float, dtype: Any) -> Any:
    return table(amount, dtype)


@dataclass(frozen=True)
class AutoGamma(Named):
    """The gamma that brings the mean to the middle of the scale; a nearly black or white photo stays as it is."""

    deep = True

    def fixed_for(self, photo: Photo) -> Curve:
        mean = float(np.mean(cv2.mean(np.ascontiguousarray(photo))[:3])) / white(photo.dtype)
        # else there is nothing but noise to lift
        gamma = math.log(0.5) / math.log(mean) if _NEARLY_BLACK < mean < 1 - _NEARLY_BLACK else 1.0
        return Curve(self.name, self.words, gamma_table, gamma)

    def __call__(self, photo: Photo) -> Photo:
        return self.fixed_for(photo)(photo)


@dataclass(frozen=True)
class Clahe(Named):
    """Contrast-limited adaptive histogram equalisation of Lab's lightness: limit 2, 8 x 8 tiles."""

    deep = True

    def __call__(self, photo: Photo) -> Photo:
        lightness = by_bands(lambda rows: to_bytes(2.55 * _lab(rows)[..., 0]), photo)
        equalised = Equalisation(lightness, limit=2.0)

        def evened(rows: Photo, y: npt.NDArray[np.int64]) -> Photo:
            lab = _lab(rows)
            lab[..., 0] = equalised.of_rows(y, 2.55 * lab[..., 0]) / 2.55
            return to_whole(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * white(rows.dtype), rows.dtype)

        return by_bands(evened, photo, np.arange(len(photo)))


def _lab(photo: Photo) -> npt.NDArray[np.float32]:
    """Lightness in [0, 100], a, b: in floats, as Lab in bytes and back is off by up to 24 of 255."""
    return cv2.cvtColor(photo.astype(np.float32) / white(photo.dtype), cv2.COLOR_RGB2LAB).astype(np.float32, copy=False)


@dataclass(frozen=True)
class Stretch(Named):
    """Lays the part of the scale from `low` to `high` over the whole of it, for each channel; both in [0, 255]."""

    deep = True

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __call__(self, photo: Photo) -> Photo:
        low = np.array(self.low)
        factors = 255 / (np.array(self.high) - low)
        return look_up(photo, tone_table(lambda values: (values[:, None] - low) * factors, photo.dtype))


@dataclass(frozen=True)
class AutoContrast(Named):
    """Stretches each channel to the whole scale."""

    deep = True

    def fixed_for(self, photo: Photo) -> Stretch:
        rows = np.ascontiguousarray(photo)  # reduced in two steps, which is faster than over both sides at once
        low, high = (ends * (255 / white(photo.dtype)) for ends in (rows.min(0).min(0), rows.max(0).max(0)))
        one_value = high - low < 1  # such a channel stays
        (r0, g0, b0), (r1, g1, b1) = np.where(one_value, 0, low).tolist(), np.where(one_value, 255, high).tolist()
        return Stretch(self.name, self.words, (r0, g0, b0), (r1, g1, b1))

    def __call__(self, photo: Photo) -> Photo:
        return self.fixed_for(photo)(photo)


_MUCH = {"up_weak": " a little", "up": "", "up_strong": " a lot"}
_MUCH |= {name.replace("up", "down"): much for name, much in _MUCH.items()}


def _curves(
    kind: str, table: Callable[[float, Any], Any], amounts: dict[str, float], more: str, less: str
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
