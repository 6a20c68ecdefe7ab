"""Contrast-limited adaptive histogram equalisation, of the same strength at every size.

OpenCV's counts in whole numbers: on a tile of 16 x 16 pixels what it clips goes to the darkest levels, which brightens
small photos. Here histograms are shares, and always those of a small version of the photo.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from apsi.transform.detail import REFERENCE_SIDE

_TILES = 8  # a side
_BAND = 32  # rows at a time, whose tables fit a processor's cache
_GIVEN_BACK = 0.3  # of unsharp masking: the spread of tones that making a photo small takes away
_SMOOTHING = 1.0  # levels; the histogram of a small tile has gaps that a large one's hasn't


class Equalisation:
    """The curves of 8 x 8 tiles of a photo, between which each pixel is interpolated.

    Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.
    """

    def __init__(self, lightness: npt.NDArray[np.uint8], limit: float) -> None:
        """Finds the curves.

        Args:
            lightness: of the whole photo, `(H, W)`.
            limit: largest share of a tile's pixels that one of the 256 levels counts for, times 256; what is above it
                is given to all levels alike.
        """
        self._curves = _curves(_small(lightness), limit)
        self._down = _between(lightness.shape[0], len(self._curves))
        self._across = _between(lightness.shape[1], self._curves.shape[1])

    def of_rows(self, y: npt.NDArray[np.int64], lightness: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Equalised lightness `(n, W)` of some rows, on the scale 0 to 255.

        Args:
            y: which rows of the photo they are, `(n,)`.
            lightness: theirs, `(n, W)` on the same scale, with fractions or without.
        """
        equalised = np.empty(lightness.shape, np.float32)
        for start in range(0, len(y), _BAND):
            band = slice(start, start + _BAND)
            equalised[band] = self._of_band(y[band], lightness[band])
        return equalised

    def _of_band(self, y: npt.NDArray[np.int64], lightness: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        (top, below), (left, right) = (part[y] for part in self._down), self._across
        curves, tiles = self._curves, self._curves.shape[1]
        share = below[:, None, None]
        values = (curves[top] * (1 - share) + curves[np.minimum(top + 1, len(curves) - 1)] * share).ravel()
        level = np.clip(lightness, 0, 255).astype(np.int32)
        part = (lightness - level).astype(np.float32)
        first = (np.arange(len(y), dtype=np.int32)[:, None] * tiles + left) * 256
        last = first + 256 * min(1, tiles - 1)
        next_level = np.minimum(level + 1, 255)
        here, there = (
            low + part * (values.take(tile + next_level) - low)
            for tile, low in ((first, values.take(first + level)), (last, values.take(last + level)))
        )
        equalised: npt.NDArray[np.float32] = here + right * (there - here)
        return equalised


def _small(lightness: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    h, w = lightness.shape
    scale = min(1.0, REFERENCE_SIDE / min(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small += _GIVEN_BACK * (small - cv2.GaussianBlur(small, (0, 0), 1.0))
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def _curves(lightness: npt.NDArray[np.uint8], limit: float) -> npt.NDArray[np.float32]:
    """What each level becomes in each tile, `(tiles down, tiles across, 256)`."""
    h, w = lightness.shape
    down, across = min(_TILES, h), min(_TILES, w)
    tile = (np.arange(h) * down // h)[:, None] * across + np.arange(w) * across // w
    counts = np.bincount((tile * 256 + lightness).ravel(), minlength=down * across * 256).reshape(-1, 256)
    shares = counts / counts.sum(axis=1, keepdims=True)
    kernel = cv2.getGaussianKernel(7, _SMOOTHING)
    shares = np.asarray(cv2.sepFilter2D(shares, -1, kernel, np.ones(1), borderType=cv2.BORDER_REFLECT), np.float64)
    clipped = np.minimum(shares, limit / 256)
    clipped += (1 - clipped.sum(axis=1, keepdims=True)) / 256
    curves = (255 * clipped.cumsum(axis=1)).reshape(down, across, 256)
    return np.asarray(curves, np.float32)


def _between(pixels: int, tiles: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """For each pixel of a side, the tile whose middle comes before it, and its share of the way to the next."""
    position = np.clip((np.arange(pixels) + 0.5) * tiles / pixels - 0.5, 0, tiles - 1)
    before = np.minimum(position.astype(np.int32), max(tiles - 2, 0))
    return before, (position - before).astype(np.float32)
