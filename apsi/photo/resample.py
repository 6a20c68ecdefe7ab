"""Resizing to the sizes that training works on."""

import cv2
import numpy as np

from apsi.photo import Photo

MODES = ("square", "longest_side")


def resample(photo: Photo, width: int, height: int) -> Photo:
    """Resizes to exactly `(height, width, 3)`: area averaging when shrinking, cubic when enlarging."""
    h, w = photo.shape[:2]
    if (w, h) == (width, height):
        return photo
    shrinks = width <= w and height <= h
    resized = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return resized.astype(np.uint8, copy=False)


def shrunk(photo: Photo, longest: int) -> Photo:
    """With a longer side of at most so many pixels; never enlarged."""
    h, w = photo.shape[:2]
    scale = min(1.0, longest / max(h, w))
    return resample(photo, max(1, round(w * scale)), max(1, round(h * scale)))


def fit(photo: Photo, size: int, mode: str) -> Photo:
    """Brings a photo to the working size.

    `square` cuts the largest centred square and resizes it to `size` x `size`. `longest_side` keeps the whole frame:
    the longer side becomes `size`, both sides are rounded to even numbers, as a shift by half undoes itself only there.
    """
    h, w = photo.shape[:2]
    if mode == "square":
        side = min(h, w)
        top, left = (h - side) // 2, (w - side) // 2
        return resample(photo[top : top + side, left : left + side], size, size)
    if mode == "longest_side":
        scale = size / max(h, w)
        return resample(photo, _even(w * scale), _even(h * scale))
    raise ValueError(f"mode is one of {MODES}, this is {mode!r}")


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))
