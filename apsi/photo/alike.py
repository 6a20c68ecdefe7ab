"""Telling copies of one photo, saved again, resized or slightly cropped, from other photos.

A perceptual hash (64 bits, of the whole photo and of crops of it, as `phash` of ImageHash makes it) finds candidates
among all pairs; comparing their pixels decides.
"""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from apsi.photo import Photo
from apsi.photo.resample import resample

Looks = npt.NDArray[np.uint64]
Outline = npt.NDArray[np.float32]

_PLACES = (0.0, 0.5, 1.0)
_CROPS = (
    (1.0, 0.0, 0.0),
    *((0.94, x, y) for x in _PLACES for y in _PLACES if (x == 0.5) == (y == 0.5)),
    *((0.88, x, y) for x in _PLACES for y in _PLACES),
)
"""Share of each side and place (0: left or top) of the crops that are hashed; the first is the whole photo"""
_HASHED, _FREQUENCIES = 32, 8
"""Pixels of the sides of what is hashed, and how many of its lowest frequencies count in each direction"""
_MAX_BITS = 12
"""By which a photo's hash may differ from that of a crop of its copy"""
_ROWS = 128
_OUTLINE = 64
_SHARES = tuple(np.arange(1, 0.79, -0.03).tolist())
_LEAST_CORRELATION = 0.9
"""Of 151,000 pairs of different photos none that is a candidate reaches 0.75; copies have 0.96 and more"""
_FLAT, _SAME_GRAY = 0.5, 2.0
"""Gray levels"""


def looks(photo: Photo) -> Looks:
    """Perceptual hashes `(15,)` of the whole photo and of crops of it, all at once.

    Each bit says whether one of the lowest frequencies (DCT) is above their median.
    """
    from scipy.fft import dct

    gray = Image.fromarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    size = (_HASHED, _HASHED)
    small = np.stack([np.asarray(_crop(gray, *crop).resize(size, Image.Resampling.LANCZOS)) for crop in _CROPS])
    rows = dct(small, axis=1)[:, :_FREQUENCIES]
    lowest = dct(rows, axis=2)[:, :, :_FREQUENCIES].reshape(len(small), -1)
    bits = lowest > np.median(lowest, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _crop(gray: Image.Image, share: float, x: float, y: float) -> Image.Image:
    width, height = share * gray.width, share * gray.height
    left, top = x * (gray.width - width), y * (gray.height - height)
    return gray.crop((round(left), round(top), round(left + width), round(top + height)))


def outline(photo: Photo) -> Outline:
    """A photo's gray levels at 64 pixels, for `is_copy`."""
    height, width = photo.shape[:2]
    scale = _OUTLINE / max(height, width)
    small = resample(photo, max(8, round(width * scale)), max(8, round(height * scale)))
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)


def is_copy(one: Outline, other: Outline) -> bool:
    """Whether two photos show the same but for size, brightness and up to a fifth at the sides."""
    details = _details(one), _details(other)
    if any(float(detail.std()) < _FLAT for detail in details):  # nothing to correlate
        fitted = cv2.resize(other, one.shape[::-1], interpolation=cv2.INTER_AREA)
        return bool(np.abs(one - fitted).mean() < _SAME_GRAY)
    return any(_correlation(a, b) >= _LEAST_CORRELATION for a, b in (details, details[::-1]))


def _details(gray: Outline) -> Outline:
    """Neither light and shade, which many photos share, nor what half a pixel's shift changes."""
    return cv2.GaussianBlur(gray - cv2.GaussianBlur(gray, (0, 0), 8), (0, 0), 1).astype(np.float32, copy=False)


def _correlation(whole: Outline, part: Outline) -> float:
    """The best correlation of the middle of `part`, at any share of the size of `whole`, with some place in it."""
    height, width = part.shape
    largest = min(whole.shape[0] / height, whole.shape[1] / width)
    top, left = round(0.1 * height), round(0.1 * width)
    middle = part[top : height - top, left : width - left]
    best = -1.0
    for share in _SHARES:
        size = (max(4, round(side * largest * share)) for side in middle.shape[::-1])
        template = cv2.resize(middle, tuple(size), interpolation=cv2.INTER_AREA)
        best = max(best, float(cv2.matchTemplate(whole, template, cv2.TM_CCOEFF_NORMED).max()))
    return best


def candidates(all_looks: Looks) -> Iterator[tuple[int, int]]:
    """Pairs of photos, the smaller index first, that may be copies of one another.

    Args:
        all_looks: `(N, 15)`; takes N² / 2 comparisons of 15 numbers, 128 N at a time.
    """
    for start in range(0, len(all_looks), _ROWS):
        rows = all_looks[start : start + _ROWS]
        near = np.zeros((len(rows), len(all_looks) - start), bool)
        for k in range(all_looks.shape[1]):
            for whole, crops in (
                (rows[:, :1], all_looks[None, start:, k]),
                (rows[:, k : k + 1], all_looks[None, start:, 0]),
            ):
                near |= np.bitwise_count(whole ^ crops) <= _MAX_BITS
        for i, j in np.argwhere(np.triu(near, 1)).tolist():
            yield start + i, start + j


def groups(
    count: int, pairs: Iterable[tuple[int, int]], same: Callable[[int, int], bool] = lambda one, other: True
) -> list[int]:
    """For each of `count` photos, the first one that it is a copy of, by way of others too (union-find).

    Args:
        count: photos.
        pairs: of photos that may belong together.
        same: decides on one; not asked about photos that are in one group already.
    """
    from scipy.cluster.hierarchy import DisjointSet

    sets = DisjointSet(range(count))
    for one, other in pairs:
        if not sets.connected(one, other) and same(one, other):
            sets.merge(one, other)
    first = {member: min(group) for group in sets.subsets() for member in group}
    return [first[i] for i in range(count)]
