"""Statistics of a photo that change with photographic flaws: light, colour, noise, sharpness, compression.

They say how values, differences of neighbours and colours are spread, never which single levels are used: that a curve
left gaps in a histogram says that a photo was edited, not that it is worse.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from apsi.juror.natural_scene_statistics import SIZE
from apsi.juror.natural_scene_statistics import features as natural_scene
from apsi.photo import Floats, Photo
from apsi.photo.resample import resample

VERSION = 1

_Plane: TypeAlias = npt.NDArray[np.float32]
_Planes: TypeAlias = Sequence[_Plane]
_Levels: TypeAlias = npt.NDArray[np.uint8]

_SHARES = (0.005, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 0.995)
_BANDS = 8  # of brightness
_BLOCK = 8  # pixels: JPEG's
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down, right
_DISTANCES = (1, 2, 3, 5)
_LEVELS = np.arange(256.0)
_WAVES = np.cos(np.pi * np.outer(np.arange(_BLOCK), 2 * np.arange(_BLOCK) + 1) / (2 * _BLOCK)) / 2
_WAVES[0] /= np.sqrt(2)
_DCT = _WAVES.astype(np.float32)
_FREQUENCIES = np.add.outer(np.arange(_BLOCK), np.arange(_BLOCK))
_DCT_BANDS = tuple(np.nonzero(np.isin(_FREQUENCIES, range(low, low + 3))) for low in (1, 3, 5, 8, 11))


def features(photo: Photo) -> Floats:
    """Feature vector `(F,)` `float64` of one photo of any size, looked at as 128 x 128 pixels."""
    small = resample(photo, SIZE, SIZE)
    levels = np.ascontiguousarray(small.transpose(2, 0, 1))
    planes = levels.astype(np.float32)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    luma = grey.astype(np.float32)
    red, green, blue = planes
    opponents = red - green, (red + green) / 2 - blue
    groups = (
        natural_scene(small).tolist(),
        _light(levels, grey),
        _tones(luma),
        _colour(small, levels, luma, opponents),
        _noise(planes, luma),
        _sharpness(luma),
        _compression(luma, opponents),
    )
    return np.concatenate(groups, dtype=np.float64)


def _quantiles(levels: _Levels, shares: Sequence[float] = _SHARES) -> Floats:
    """The levels, in [0, 255], that these shares of all values lie below."""
    counts = np.cumsum(np.bincount(levels.ravel(), minlength=256))
    found: Floats = np.interp(np.array(shares) * levels.size, counts, _LEVELS)
    return found


def _in_levels(values: _Plane, scale: float) -> _Levels:
    """Absolute values times `scale` as bytes, saturating."""
    return np.asarray(cv2.convertScaleAbs(values, alpha=scale), np.uint8)


def _mean_step(plane: _Plane) -> float:
    """Mean difference of neighbours."""
    return float(np.abs(plane[:, 1:] - plane[:, :-1]).mean() + np.abs(plane[1:] - plane[:-1]).mean())


def _light(levels: _Levels, grey: _Levels) -> list[float]:
    """Quantiles of brightness and of the highest and lowest channel, clipped shares, the dark channel (He 2009)."""
    highest, lowest = levels.max(axis=0), levels.min(axis=0)
    dark = np.asarray(cv2.erode(lowest, np.ones((9, 9), np.uint8)), np.uint8)
    clipped = [np.sqrt(np.count_nonzero(end) / end.size) for plane in levels for end in (plane <= 1, plane >= 254)]
    quantiles = [_quantiles(each) / 255 for each in (grey, highest, lowest, dark)]
    return [*np.concatenate(quantiles).tolist(), *clipped]


def _tones(luma: _Plane) -> list[float]:
    """Differences of neighbours by brightness, as curves stretch some tones and press others; contrast by scale."""
    smooth = cv2.GaussianBlur(luma, (7, 7), 1.5)
    steps = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    band = (smooth * np.float32(_BANDS / 256)).astype(np.uint8).ravel()
    counts = np.bincount(band, minlength=_BANDS)
    mean = float(steps.mean())
    by_band = (np.bincount(band, steps.ravel(), _BANDS) + 100 * mean) / (counts + 100)  # few pixels say little
    coarser = [luma]
    for size in (64, 24, 8):
        blocks = cv2.resize(luma, (size, size), interpolation=cv2.INTER_AREA)
        coarser.append(np.asarray(cv2.resize(blocks, (SIZE, SIZE)), np.float32))
    spreads = [np.abs(fine - coarse).mean() for fine, coarse in pairwise(coarser)]
    logs = np.log(np.array([mean, *by_band, *spreads]) + 0.1)
    return [*(logs[:1]), *(logs[1 : _BANDS + 1] - logs[0]), *logs[_BANDS + 1 :], *np.sqrt(counts / luma.size)]


def _colour(small: Photo, levels: _Levels, luma: _Plane, opponents: _Planes) -> list[float]:
    """Chroma of all pixels; hue of the palest, of lights, shades and edges, where the colour of the light shows."""
    a, b = opponents
    chroma = _in_levels(np.sqrt(a * a + b * b), 1)
    saturation = np.ascontiguousarray(cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1], np.uint8)
    steps = np.array([_mean_step(plane) for plane in (luma, a, b)]) + 0.1
    blocks = [cv2.resize(plane, (32, 32), interpolation=cv2.INTER_AREA) for plane in (luma, a, b)]
    coarse = np.array([_mean_step(np.asarray(plane, np.float32)) for plane in blocks]) + 0.1
    (palest,) = _quantiles(chroma, (0.2,))
    shade, light = _quantiles(luma.astype(np.uint8), (0.1, 0.95))
    masks = [mask.view(np.uint8) for mask in (chroma <= palest, luma <= shade + 1, luma >= light)]
    casts = [cv2.mean(plane, mask)[0] / 20 for mask in masks for plane in opponents]
    spreads = [cv2.meanStdDev(plane) for plane in opponents]
    counts = [np.bincount(plane.ravel(), minlength=256) for plane in levels]
    # grey edge (van de Weijer 2007), shades of grey (Finlayson 2004), white patch
    edges = [_mean_step(plane.astype(np.float32)) + 0.1 for plane in levels]
    greys = [float((count * (_LEVELS / 255) ** 6).sum() / luma.size) ** (1 / 6) + 0.01 for count in counts]
    whites = [float(_quantiles(plane, (0.98,))[0]) + 1 for plane in levels]
    return [
        *(_quantiles(chroma) / 100),
        *(_quantiles(saturation) / 255),
        *(mean[0, 0] / 20 for mean, _ in spreads),
        *(np.log(spread[0, 0] + 1) for _, spread in spreads),
        *np.log(steps),
        np.log((steps[1] + steps[2]) / steps[0]),
        np.log((coarse[1] + coarse[2]) / coarse[0]),
        *casts,
        *(np.log(lights[i] / lights[1]) for lights in (edges, greys, whites) for i in (0, 2)),
    ]


def _noise(planes: npt.NDArray[np.float32], luma: _Plane) -> list[float]:
    """Finest diagonal detail (Haar), which noise has and photos hardly, by channel and brightness."""
    fine = (planes[:, ::2, ::2] - planes[:, 1::2, ::2] - planes[:, ::2, 1::2] + planes[:, 1::2, 1::2]) / 2
    red, green, blue = fine
    found = [_quantiles(_in_levels(p, 4), (0.25, 0.5, 0.9)) / 4 for p in (red, green, blue, red - green, blue - green)]
    size = np.abs(green)
    found.append(np.sort(size.reshape(8, 8, 8, 8).mean(axis=(1, 3)), axis=None)[[3, 16]])
    light = cv2.resize(luma, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
    low, high = _quantiles(light.astype(np.uint8), (1 / 3, 2 / 3))
    masks = (light <= low + 1, (light >= low) & (light <= high + 1), light >= high)
    found.append(np.array([cv2.mean(size, mask.view(np.uint8))[0] for mask in masks]))
    spreads = [float(plane.std()) for plane in fine]
    alike = [float((fine[i] * fine[j]).mean()) / (spreads[i] * spreads[j] + 0.25) for i, j in ((0, 1), (1, 2))]
    return [*np.log(np.concatenate(found) + 0.25), *alike]


def _sharpness(luma: _Plane) -> list[float]:
    """Differences over several distances and directions, and what a further blur still takes away (Crete 2007)."""
    squares = np.empty((len(_DISTANCES), len(_DIRECTIONS)))
    for i, distance in enumerate(_DISTANCES):
        for j, (down, right) in enumerate(_DIRECTIONS):
            y, x = down * distance, right * distance
            difference = luma[: SIZE - y, max(0, -x) : SIZE - max(0, x)] - luma[y:, max(0, x) : SIZE + min(0, x)]
            squares[i, j] = np.einsum("yx,yx->", difference, difference) / difference.size
    logs = np.log(squares + 0.1)
    relative = logs[:-1] - logs[-1]
    uneven = logs - logs.mean(axis=1, keepdims=True)
    second = np.asarray(cv2.Laplacian(luma, cv2.CV_32F), np.float32)
    mean = float(np.abs(second).mean()) + 0.1
    peaked = float(np.einsum("yx,yx->", second, second)) / second.size / mean**2
    left = []
    for axis, size in ((1, (9, 1)), (0, (1, 9))):
        sharp, soft = (np.abs(np.diff(plane, axis=axis)) for plane in (luma, cv2.blur(luma, size)))
        left.append(float(np.maximum(sharp - soft, 0).sum() / (sharp.sum() + 1)))
    return [
        *logs[-1],
        *relative.mean(axis=1),
        *relative.max(axis=1),
        *relative.min(axis=1),
        *(uneven.max(axis=1) - uneven.min(axis=1)),
        *left,
        *np.log(_quantiles(_in_levels(second, 1), (0.25, 0.5, 0.9, 0.99)) + 0.5),
        np.log(mean),
        np.log(peaked + 0.1),
    ]


def _compression(luma: _Plane, opponents: _Planes) -> list[float]:
    """Steps at the borders of JPEG's blocks against steps inside them, and how empty their frequencies are."""
    found: list[float] = []
    for plane in (luma, *opponents):
        for axis in (0, 1):
            steps = np.abs(np.diff(plane, axis=axis)).mean(axis=1 - axis) + 0.2
            phases = steps[: SIZE - _BLOCK].reshape(-1, _BLOCK).mean(axis=0).tolist()
            found.append(5 * phases[_BLOCK - 1] / sum(phases[1:6]))
            if plane is not luma:  # colours are halved before they are compressed
                found.append(sum(phases[1::2]) / sum(phases[::2]))
    side = SIZE // _BLOCK
    blocks = luma.reshape(side, _BLOCK, side, _BLOCK)
    waves = np.einsum("aibv,ui->abuv", np.einsum("aibj,vj->aibv", blocks, _DCT), _DCT)
    sizes = np.abs(waves)
    small = sizes < 1
    means = [sizes[..., rows, columns].mean() + 0.1 for rows, columns in _DCT_BANDS]
    empty = [small[..., rows, columns].mean() for rows, columns in _DCT_BANDS]
    return [*np.log(np.array([*found, *means])), *empty]
