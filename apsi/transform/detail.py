"""Transforms of fine detail. Sizes are meant for a photo whose shorter side has 128 pixels and grow with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from apsi.photo import Photo
from apsi.photo.depth import FINER, to_8_bits, to_16_bits, to_whole, white
from apsi.transform.bands import by_bands
from apsi.transform.base import Named, Transform

REFERENCE_SIDE = 128
"""Shorter side, in pixels, that the sizes of this module are meant for"""
_LARGEST_MEDIAN = 255  # pixels; cv2.medianBlur counts in 16 bits, with larger kernels an assertion fails on some photos
_LARGEST_DEEP_MEDIAN = 5  # pixels, of 16-bit photos
_LARGE_BOX = 16.0  # pixels
_LARGE_SIGMA = 8.0  # pixels; twice this or more is as good on a smaller version, and many times faster


def scale_of(photo: Photo) -> float:
    """How much larger a photo is than what sizes are meant for."""
    return float(min(photo.shape[:2]) / REFERENCE_SIDE)


def odd_size(size: float, photo: Photo) -> int:
    """A kernel size at this photo's scale: odd, and 3 or more so that it does something."""
    return max(3, 2 * round((size * scale_of(photo) - 1) / 2) + 1)


def coarsely(photo: Photo, factor: int, shrink: int, blur: Callable[[Photo], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Blurs a version of the photo that is `factor` times smaller, and enlarges the result to the photo's size.

    Args:
        photo: `(H, W, 3)`, of 8 or 16 bits.
        factor: 1 blurs the photo itself.
        shrink: OpenCV's interpolation for making it smaller.
        blur: what is done to the smaller version; its dtype is the result's.
    """
    photo = np.ascontiguousarray(photo)
    if factor <= 1:
        return blur(photo)
    h, w = photo.shape[:2]
    small = cv2.resize(photo, (math.ceil(w / factor), math.ceil(h / factor)), interpolation=shrink)
    blurred = blur(small.astype(photo.dtype, copy=False))
    return np.asarray(cv2.resize(blurred, (w, h), interpolation=cv2.INTER_LINEAR))


def gaussian(photo: Photo, sigma: float) -> Photo:
    """Gaussian blur; `sigma` in pixels at the reference side."""
    blurred = _finely_blurred(photo, sigma)
    return to_8_bits(blurred) if photo.dtype == np.uint8 else blurred


def _finely_blurred(photo: Photo, sigma: float) -> npt.NDArray[Any]:
    """In 16 bits where a smaller version is enlarged: in 8 its slopes would have steps."""
    sigma = max(0.3, sigma * scale_of(photo))
    factor = max(1, int(sigma / _LARGE_SIGMA))

    def blur(small: Photo) -> npt.NDArray[Any]:
        return np.asarray(cv2.GaussianBlur(to_16_bits(small) if factor > 1 else small, (0, 0), sigma / factor))

    return coarsely(photo, factor, cv2.INTER_AREA, blur)


def unsharp(photo: Photo, sigma: float, amount: float) -> Photo:
    """X + amount * (x - blurred x)."""
    blurred = _finely_blurred(photo, sigma)
    finer = white(blurred.dtype) // white(photo.dtype)

    def sharper(rows: Photo, softer: npt.NDArray[Any]) -> Photo:
        softer_values = amount / finer * softer.astype(np.float32)
        return to_whole((1 + amount) * rows.astype(np.float32) - softer_values, rows.dtype)

    return by_bands(sharper, photo, blurred)


@dataclass(frozen=True)
class Blur(Transform):
    """Box, Gaussian or median blur with a kernel of `size` pixels."""

    deep = True

    kind: str
    size: int

    @property
    def label(self) -> str:
        return f"blur_{self.kind}_{self.size}"

    @property
    def advice(self) -> str:
        if self.kind == "median":
            return f"There is noise: smooth it over {self.size} pixels and keep the edges."
        how = "evenly" if self.kind == "box" else "gently"
        return f"The detail distracts: soften it {how} over {self.size} pixels."

    def __call__(self, photo: Photo) -> Photo:
        if self.kind == "gauss":  # sigma as OpenCV derives it from a kernel's size
            return gaussian(photo, 0.3 * ((self.size - 1) * 0.5 - 1) + 0.8)
        size = odd_size(self.size, photo)
        if self.kind == "box":
            return cv2.blur(np.ascontiguousarray(photo), (size, size)).astype(photo.dtype, copy=False)
        factor = math.ceil(size / _LARGEST_MEDIAN)
        # every factor-th pixel, not their means, which would turn specks that a median removes into grey around them
        return coarsely(
            photo,
            factor,
            cv2.INTER_NEAREST_EXACT,
            lambda p: _median(p, min(odd_size(self.size, p), _LARGEST_MEDIAN)),
        )


def _median(photo: Photo, size: int) -> Photo:
    """Median of `size` x `size` pixels; of 16 bits, where OpenCV's largest has 5, to a quarter of a step of 8 bits.

    Medians commute with functions that never fall: here with those that cut the quarters into four parts of 8 bits,
    whose sum they are.
    """
    if photo.dtype == np.uint8 or size <= _LARGEST_DEEP_MEDIAN:
        return by_bands(lambda rows: np.asarray(cv2.medianBlur(rows, size)), photo, reach=size // 2)
    quarters = np.zeros_like(photo)
    for below in (0, 255, 510, 765):

        def part(rows: Photo, below: int = below) -> Photo:
            return np.clip((4 * rows.astype(np.int32) + FINER // 2) // FINER - below, 0, 255).astype(np.uint8)

        quarters += _median(by_bands(part, photo), size)
    return by_bands(lambda rows: ((rows.astype(np.int32) * FINER + 2) // 4).astype(np.uint16), quarters)


@dataclass(frozen=True)
class Sharpen(Transform):
    """Adds the difference from the neighbours, 4 or 8 of them (the kernels with 5 and 9 in the middle)."""

    deep = True

    neighbours: int

    @property
    def label(self) -> str:
        return f"sharpen_{self.neighbours}"

    @property
    def advice(self) -> str:
        return "It is a little soft: sharpen it." if self.neighbours == 4 else "It is soft: sharpen it strongly."

    def __call__(self, photo: Photo) -> Photo:
        # at larger scales a pixel is the mean of a square, and its neighbours are as far apart as those are wide
        one = max(1.0, scale_of(photo))

        def sharper(rows: Photo) -> Photo:
            values = rows.astype(np.float32)
            if self.neighbours == 8:  # 8x - the 8 around it == 9x - the sum of all 9
                return to_whole(values + 9 * (_mean(values, one, one) - _mean(values, 3 * one, 3 * one)), rows.dtype)
            across, down = _mean(values, 3 * one, one), _mean(values, one, 3 * one)
            return to_whole(values + 6 * _mean(values, one, one) - 3 * across - 3 * down, rows.dtype)

        return by_bands(sharper, photo, reach=math.ceil(1.5 * one))


def _mean(values: npt.NDArray[np.float32], width: float, height: float) -> npt.NDArray[np.float32]:
    """Mean of the box around each pixel; its sides need not be whole, as the outermost pixels count in part."""
    if width >= _LARGE_BOX and height >= _LARGE_BOX:  # whole odd sides are close enough and many times faster
        sides = (2 * round((width - 1) / 2) + 1, 2 * round((height - 1) / 2) + 1)
        return cv2.blur(values, sides).astype(np.float32, copy=False)
    return cv2.sepFilter2D(values, -1, _box(width), _box(height)).astype(np.float32, copy=False)


def _box(width: float) -> npt.NDArray[np.float64]:
    reach = math.ceil((width - 1) / 2)
    weights: npt.NDArray[np.float64] = np.clip(width / 2 + 0.5 - np.abs(np.arange(-reach, reach + 1)), 0, 1) / width
    return weights


@dataclass(frozen=True)
class Unsharp(Named):
    """Unsharp masking: a Gaussian of `sigma` pixels, times `amount`."""

    deep = True

    sigma: float
    amount: float

    def __call__(self, photo: Photo) -> Photo:
        return unsharp(photo, self.sigma, self.amount)


TRANSFORMS = (
    *(Blur(kind, size) for kind in ("box", "gauss", "median") for size in (3, 5, 7, 9, 11)),
    *(Sharpen(neighbours) for neighbours in (4, 8)),
    Unsharp("unsharp", "The edges could be crisper: sharpen them gently.", 1.5, 0.3),
    Unsharp("clarity", "It lacks punch: raise the local contrast.", 3.0, 0.1),
)
