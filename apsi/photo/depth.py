"""Photos of 8 and of 16 bits: the same pictures on the scales 0 to 255 and 0 to 65,535, which is 257 times finer."""

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from apsi.photo import Photo

DeepPhoto: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""`(H, W, 3)` `uint8` or `uint16`, RGB: what files hold that photographers work on"""

FINER = 257
"""How many steps of 16 bits make one of 8"""


def white(dtype: npt.DTypeLike) -> int:
    """The highest value of an integer type: 255, or 65,535."""
    return int(np.iinfo(dtype).max)


def to_whole(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Values on the scale of an integer type, rounded and saturating."""
    rounded: npt.NDArray[Any] = np.clip(np.rint(values), 0, white(dtype)).astype(dtype)
    return rounded


def to_8_bits(photo: DeepPhoto) -> Photo:
    """The photo in 8 bits, each value the nearest; one that has no more as it is."""
    if photo.dtype == np.uint8:
        return photo.view(np.uint8)
    table = to_whole(np.arange(white(np.uint16) + 1) / FINER, np.uint8)
    reduced: Photo = cv2.LUT(np.ascontiguousarray(photo), table.reshape(1, -1)).astype(np.uint8, copy=False)
    return reduced


def to_16_bits(photo: DeepPhoto) -> npt.NDArray[np.uint16]:
    """The same values in 16 bits."""
    return photo.view(np.uint16) if photo.dtype == np.uint16 else photo.astype(np.uint16) * np.uint16(FINER)
