"""Transforms of fine detail. Sizes are meant for a photo whose shorter side has 128 pixels and grow with it."""

from dataclasses import dataclass

import cv2
import numpy as np

from apsi.photo import Photo
from apsi.transform.base import Named, Transform
from apsi.transform.colour import to_bytes

REFERENCE_SIDE = 128
"""Shorter side, in pixels, that the sizes of this module are meant for"""


def scale_of(photo: Photo) -> float:
    """How much larger a photo is than what sizes are meant for."""
    return float(min(photo.shape[:2]) / REFERENCE_SIDE)


def odd_size(size: float, photo: Photo) -> int:
    """A kernel size at this photo's scale: odd, and 3 or more so that it does something."""
    return max(3, 2 * round((size * scale_of(photo) - 1) / 2) + 1)


def gaussian(photo: Photo, sigma: float) -> Photo:
    """Gaussian blur; `sigma` in pixels at the reference side."""
    sigma = max(0.3, sigma * scale_of(photo))
    return cv2.GaussianBlur(np.ascontiguousarray(photo), (0, 0), sigma).astype(np.uint8, copy=False)


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
        photo = np.ascontiguousarray(photo)
        if self.kind == "gauss":  # sigma as OpenCV derives it from a kernel's size
            return gaussian(photo, 0.3 * ((self.size - 1) * 0.5 - 1) + 0.8)
        size = odd_size(self.size, photo)
        blurred = cv2.blur(photo, (size, size)) if self.kind == "box" else cv2.medianBlur(photo, size)
        return blurred.astype(np.uint8, copy=False)


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
        apart = max(1, round(scale_of(photo)))
        values = photo.astype(np.float32)
        means = cv2.blur(values, (apart, apart)) if apart > 1 else values
        kernel = np.zeros((2 * apart + 1, 2 * apart + 1), np.float32)
        kernel[::apart, ::apart] = -1
        if self.neighbours == 4:
            kernel[:: 2 * apart, :: 2 * apart] = 0
        kernel[apart, apart] = self.neighbours
        return to_bytes(values + cv2.filter2D(means, -1, kernel, borderType=cv2.BORDER_REFLECT_101))


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
