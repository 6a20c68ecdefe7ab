"""Natural-scene statistics of a photo: features that are similar in all undamaged photographs.

After NIQE (Mittal, Soundararajan, Bovik: "Making a completely blind image quality analyzer", 2013) and IL-NIQE (Zhang,
Zhang, Bovik: "A feature-enriched completely blind image quality evaluator", 2015): moments of contrast-normalised luma
and of log-opponent colours, products of neighbours. Further statistics detect swapped or
inverted channels and pictures whose parts were rearranged.
"""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from apsi.photo import Floats, Photo
from apsi.photo.resample import resample

SIZE = 128
VERSION = 1

_Plane: TypeAlias = npt.NDArray[np.float32]
_HUE_SECTORS = 6
_LOG = np.log1p(np.arange(256, dtype=np.float32))
_SECTOR = ((np.arange(256) + 15) // 30) % _HUE_SECTORS  # OpenCV's hue: 0 to 179
_PAIRS = ((0, 1), (0, 2), (1, 2))
_NEIGHBOURS = (
    (np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[1:, :], np.s_[:-1, :]),
    (np.s_[1:, 1:], np.s_[:-1, :-1]),
    (np.s_[1:, :-1], np.s_[:-1, 1:]),
)


def features(photo: Photo) -> Floats:
    """Feature vector `(F,)` `float64` of one photo of any size, looked at as 128 x 128 pixels."""
    small = resample(photo, SIZE, SIZE)
    levels = np.ascontiguousarray(small.transpose(2, 0, 1))
    planes = levels.astype(np.float32)
    logs = cv2.LUT(levels.reshape(-1, SIZE), _LOG).reshape(levels.shape).astype(np.float32, copy=False)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    groups = (
        _texture(luma),
        _opponents(logs),
        _channels(planes),
        _hues(small),
        _layout(planes, luma),
        _edges(planes),
    )
    return np.concatenate(groups, dtype=np.float64)


def _texture(luma: _Plane) -> list[float]:
    """Moments of mean-subtracted contrast-normalised luma, and of the products of its neighbours."""
    mean = cv2.GaussianBlur(luma, (7, 7), 7 / 6)
    variance = cv2.GaussianBlur(luma * luma, (7, 7), 7 / 6) - mean * mean
    spread = np.sqrt(np.maximum(variance, 0))
    mscn = (luma - mean) / (spread + 1)
    square = mscn * mscn
    mean_square, mean_abs = float(square.mean()), float(np.abs(mscn).mean())
    return [
        mean_square,
        mean_abs * mean_abs / (mean_square + 1e-6),  # the shape of a generalised Gaussian follows from this ratio
        float((square * mscn).mean()),
        float(np.log1p(spread.mean())),
        float(np.log1p(spread.std())),
        *(float((mscn[a] * mscn[b]).mean()) for a, b in _NEIGHBOURS),
    ]


def _opponents(logs: _Plane) -> list[float]:
    """Log-opponent colours (Ruderman, Cronin, Chiao 1998): spreads, means of the chromatic two, how these relate."""
    r, g, b = logs
    yellow_blue, red_green = (r + g - 2 * b) / np.float32(np.sqrt(6)), (r - g) / np.float32(np.sqrt(2))
    opponents = np.stack([(r + g + b) / np.float32(np.sqrt(3)), yellow_blue, red_green]).reshape(3, -1)
    means, spreads, alike = _moments(opponents)
    return [*np.log(spreads + 1e-2), *means[1:], alike[2]]


def _channels(planes: _Plane) -> list[float]:
    """Means, spreads and skewness of R, G, B, and how alike their values and their gradients are."""
    flat = planes.reshape(3, -1)
    means, spreads, alike = _moments(flat)
    centred = flat - means[:, None].astype(np.float32)
    skews = (centred * centred * centred).mean(axis=1) / (spreads + 1) ** 3
    gradients = np.stack([planes[:, :-1, 1:] - planes[:, :-1, :-1], planes[:, 1:, :-1] - planes[:, :-1, :-1]], axis=1)
    _, _, edges_alike = _moments(gradients.reshape(3, -1))
    # Fisher's transform: correlations of photos crowd just below 1, where a Gaussian would not fit
    return [
        *(means / 255),
        *(spreads / 255),
        *skews,
        *np.arctanh(0.999 * alike),
        *np.arctanh(0.999 * edges_alike),
    ]


def _hues(small: Photo) -> list[float]:
    """How much colour there is, and how it spreads over six sectors of the hue circle."""
    hue, saturation, value = cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2HSV))
    chroma = cv2.multiply(saturation, value, dtype=cv2.CV_32F)
    sectors = np.bincount(_SECTOR[hue.ravel()], chroma.ravel(), _HUE_SECTORS)
    shares = sectors / (sectors.sum() + 1)
    mean, spread = cv2.meanStdDev(saturation)
    return [float(mean[0, 0]) / 255, float(spread[0, 0]) / 255, *np.sqrt(shares)[1:]]


def _layout(planes: _Plane, luma: _Plane) -> list[float]:
    """Differences of top and bottom, as light comes from above; the colour of light and shade."""
    third = SIZE // 3
    rows = planes.mean(axis=2)
    top_bottom = (rows[:, :third].mean(axis=1) - rows[:, -third:].mean(axis=1)) / 255
    warmth, green = planes[0] - planes[2], planes[1] - (planes[0] + planes[2]) / 2
    _, _, alike = _moments(np.stack([luma, warmth, green]).reshape(3, -1))
    return [*top_bottom, *alike[:2]]


def _edges(planes: _Plane) -> list[float]:
    """Steps at the centre lines and from one border round to the other, against the steps around them."""
    steps = []
    half = SIZE // 2
    for p in (planes, planes.transpose(0, 2, 1)):
        around_centre = np.abs(np.diff(p[:, :, half - 8 : half + 8], axis=2)).mean(axis=1)
        usual = around_centre.mean(axis=1) + 1
        border = np.abs(p[:, :, 0] - p[:, :, -1]).mean(axis=1) + 1
        steps += [*np.log((around_centre[:, 7] + 1) / usual), *np.log(border / usual)]
    return steps


def _moments(rows: _Plane) -> tuple[Floats, Floats, Floats]:
    """Means `(3,)`, standard deviations `(3,)` and correlations (0-1, 0-2, 1-2) of three rows `(3, N)`.

    Without BLAS, whose rounding depends on its number of threads: a photo has one score everywhere.
    """
    means = rows.mean(axis=1, dtype=np.float64)
    centred = rows - means[:, None].astype(np.float32)
    variances = np.array([np.einsum("n,n->", row, row) for row in centred], dtype=np.float64) / rows.shape[1]
    products = [np.einsum("n,n->", centred[a], centred[b]) / rows.shape[1] for a, b in _PAIRS]
    scales = [np.sqrt(variances[a] * variances[b]) + 1e-6 for a, b in _PAIRS]
    return means, np.sqrt(variances), np.array(products, dtype=np.float64) / scales
