"""Transforms of fine detail. Sizes are meant for a photo whose shorter side has 128 pixels and grow with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from apsi.photo import Photo
from apsi.transform.base import Named, Transform
from apsi.transform.colour import to_bytes

REFERENCE_SIDE = 128
"""Shorter side, in pixels, that the sizes of this module are meant for"""
_LARGEST_MEDIAN = 255  # pixels; cv2.medianBlur counts in 16 bits, with larger kernels an assertion fails on some photos
_LARGE_BOX = 16.0  # pixels
_LARGE_SIGMA = 8.0  # pixels; twice this or more is as good on a smaller version, and many times faster


def scale_of(photo: Photo) -> float:
    """How much larger a photo is than what sizes are meant for."""
    return float(min(photo.shape[:2]) / REFERENCE_SIDE)


def odd_size(size: float, photo: Photo) -> int:
    """A kernel size at this photo's scale: odd, and 3 or more so that it does something."""
    return max(3, 2 * round((size * scale_of(photo) - 1) / 2) + 1)


def coarsely(photo: Photo, factor: int, shrink: int, blur: Callable[[Photo], npt.ArrayLike]) -> Photo:
    """Blurs a version of the photo that is `factor` times smaller, and enlarges the result to the photo's size.

    Args:
        photo: `(H, W, 3)` `uint8`.
        factor: 1 blurs the photo itself.
        shrink: OpenCV's interpolation for making it smaller.
        blur: what is done to the smaller version; keeps shape and dtype.
    """
    photo = np.ascontiguousarray(photo)
    if factor <= 1:
        return np.asarray(blur(photo), dtype=np.uint8)
    h, w = photo.shape[:2]
    small = cv2.resize(photo, (math.ceil(w / factor), math.ceil(h / factor)), interpolation=shrink)
    blurred = np.asarray(blur(small.astype(np.uint8, copy=False)), dtype=np.uint8)
    return cv2.resize(blurred, (w, h), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def gaussian(photo: Photo, sigma: float) -> Photo:
    """Gaussian blur; `sigma` in pixels at the reference side."""
    sigma = max(0.3, sigma * scale_of(photo))
    factor = max(1, int(sigma / _LARGE_SIGMA))
    return coarsely(photo, factor, cv2.INTER_AREA, lambda p: cv2.GaussianBlur(p, (0, 0), sigma / factor))


def unsharp(photo: Photo, sigma: float, amount: float) -> Photo:
    """X + amount * (x - blurred x)."""
    return to_bytes((1 + amount) * photo.astype(np.float32) - amount * gaussian(photo, sigma).astype(np.float32))


@dataclass(frozen=True)
class Blur(Transform):
    """Box, Gaussian or median blur with a kernel of `size` pixels."""

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
            return cv2.blur(np.ascontiguousarray(photo), (size, size)).astype(np.uint8, copy=False)
        factor = math.ceil(size / _LARGEST_MEDIAN)
        # every factor-th pixel, not their means, which would turn specks that a median removes into grey around them
        return coarsely(
            photo,
            factor,
            cv2.INTER_NEAREST_EXACT,
            lambda p: cv2.medianBlur(p, min(odd_size(self.size, p), _LARGEST_MEDIAN)),
        )


@dataclass(frozen=True)
class Sharpen(Transform):
    """Adds the difference from the neighbours, 4 or 8 of them (the kernels with 5 and 9 in the middle)."""

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
        values = photo.astype(np.float32)
        if self.neighbours == 8:  # 8x - the 8 around it == 9x - the sum of all 9
            return to_bytes(values + 9 * (_mean(values, one, one) - _mean(values, 3 * one, 3 * one)))
        across, down = _mean(values, 3 * one, one), _mean(values, one, 3 * one)
        return to_bytes(values + 6 * _mean(values, one, one) - 3 * across - 3 * down)


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
