"""Photos: `np.ndarray` `(H, W, 3)` `uint8` RGB. Reading, writing, resizing, hashing, COCO files."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Photo: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]


def require_photo(photo: Photo, deep: bool = False) -> Photo:
    """Returns `photo` unchanged, or raises ValueError when it isn't `(H, W, 3)` `uint8`; nor, if `deep`, `uint16`."""
    fits = photo.dtype == np.uint8 or (deep and photo.dtype == np.uint16)
    if not fits or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
        kind = "uint8 or uint16" if deep else "uint8"
        raise ValueError(f"a photo is (H, W, 3) {kind} RGB, this is {photo.shape} {photo.dtype}")
    return photo
