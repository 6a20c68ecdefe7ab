"""Large photos a band of rows at a time: floats then take little memory, and all cores are used."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from apsi.photo.threads import in_threads

_BAND_PIXELS = 500_000
"""Of a band; smaller photos are one"""


def by_bands(function: Callable[..., npt.NDArray[Any]], *planes: npt.NDArray[Any], reach: int = 0) -> npt.NDArray[Any]:
    """`function(*planes)`, bit for bit, without ever handing it all rows of a large photo.

    Bands are whole rows, as vectorised code may round differently at the end of a row.

    Args:
        function: gets rows `(h, ...)` of each plane and returns as many `(h, ...)`. It knows no rows but these: what it
            needs to know of the whole photo it was told before.
        planes: all of the same height, `(H, ...)`; the first is the photo.
        reach: how many rows away a row of the result still depends on the planes.
    """
    height, pixels = len(planes[0]), planes[0].shape[0] * planes[0].shape[1]
    if pixels <= _BAND_PIXELS:
        return function(*planes)
    rows = max(1, _BAND_PIXELS * height // pixels, 4 * reach)

    def band(start: int) -> npt.NDArray[Any]:
        top, end = max(0, start - reach), min(height, start + rows)
        found = function(*(plane[top : min(height, end + reach)] for plane in planes))
        return found[start - top : end - top]

    first = band(0)
    result = np.empty((height, *first.shape[1:]), first.dtype)
    result[: len(first)] = first
    del first

    def put(start: int) -> None:
        result[start : start + rows] = band(start)

    for _ in in_threads(put, range(rows, height, rows)):
        pass
    return result
