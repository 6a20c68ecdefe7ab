"""How near a photo is to the true one, where that is known: what no juror can be gamed about.

Good photos are degraded, and an edit is held against the originals (distort-and-recover: Park, Lee, Yoo, Kweon, CVPR
2018). Photos that were cropped, turned or mirrored are left out, as are those of another size than their original.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache
from skimage.color import rgb2gray
from skimage.filters import prewitt_h, prewitt_v
from skimage.metrics import structural_similarity
from skimage.transform import downscale_local_mean

from apsi.interval import Interval, Sample, mean_interval, rate_interval
from apsi.photo import Floats, Photo
from apsi.photo.difference import colour_difference
from apsi.photo.hash import pixel_hash
from apsi.policy.rollout import EpisodeResult, Measure
from apsi.transform.catalogue import by_label

COLOUR_DIFFERENCE = "CIEDE2000"
MEASURES = (COLOUR_DIFFERENCE, "PSNR", "SSIM", "GMS")
"""Mean colour difference (0: equal, 1: just noticeable), peak signal-to-noise ratio in dB, structural similarity,
gradient-magnitude similarity"""

TRUTHS = ("recovered", "nearer", "harm")
"""The figures of `Truth`"""

CHANGE = "change"
"""Name of the mean CIEDE2000 between a photo at its start and at the end: what a gain cost"""

_HIGHEST_PSNR = 10 * math.log10(12 * 255**2)
"""dB: rounding to bytes alone is as far off as this, so that nothing above it can be told"""
_SMALLEST = 7  # pixels: the window of SSIM
_GMS_CONSTANT = 170 / 255**2  # of Xue, Zhang, Mou, Bovik: "Gradient magnitude similarity deviation", TIP 2014
_REMEMBERED = 20_000
NOTICED = 0.01
"""CIEDE2000; a change below it is none"""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How a policy did by the distance to the true photos, as mean CIEDE2000; None where no photo could tell.

    Intervals are from resampling photos (see `apsi.interval`).
    """

    recovered: float | None = None
    """share of the distance of degraded photos that it took away: 1 - after / before"""
    recovered_ci95: Interval | None = None
    nearer: float | None = None
    """share of the degraded photos that came nearer"""
    nearer_ci95: Interval | None = None
    harm: float | None = None
    """distance that it added to photos that were not degraded"""
    harm_ci95: Interval | None = None


def truth_measures() -> dict[str, Measure]:
    """The measures by name; NaN of a photo that is not as large as its original, or has a side below 7 pixels."""
    known: LRUCache[tuple[bytes, bytes], tuple[float, ...]] = LRUCache(_REMEMBERED)

    def all_of(photo: Photo, original: Photo) -> tuple[float, ...]:
        if photo.shape != original.shape or min(photo.shape[:2]) < _SMALLEST:
            return (math.nan,) * len(MEASURES)
        key = pixel_hash(photo), pixel_hash(original)
        if key not in known:
            known[key] = compare(photo, original)
        return known[key]

    def measure(index: int) -> Measure:
        def figures(photos: Sequence[Photo], originals: Sequence[Photo]) -> Floats:
            return np.array([all_of(*pair)[index] for pair in zip(photos, originals, strict=True)])

        return figures

    return {name: measure(index) for index, name in enumerate(MEASURES)}


def comparable(results: Iterable[EpisodeResult]) -> Iterator[EpisodeResult]:
    """The results, with NaN for the measures of photos that an edit or a degradation framed or mirrored anew."""
    for result in results:
        labels = (*result.episode.degradation, *result.recipe.labels)
        if any(by_label(label).reframes for label in labels):
            unknown = {name: (math.nan, math.nan) for name in (*MEASURES, CHANGE) if name in result.measures}
            yield replace(result, measures=result.measures | unknown)
        else:
            yield result


def compare(photo: Photo, original: Photo) -> tuple[float, float, float, float]:
    """`MEASURES` of a photo and its original of the same size, `(H, W, 3)` `uint8`, at least 7 pixels a side."""
    if (photo == original).all():
        return 0.0, _HIGHEST_PSNR, 1.0, 1.0
    error = np.mean(np.square(photo.astype(np.float32) - original))
    return (
        colour_difference(photo, original),
        min(_HIGHEST_PSNR, 10 * math.log10(255**2 / error)),
        float(structural_similarity(photo, original, channel_axis=2)),
        gradient_magnitude_similarity(photo, original),
    )


def gradient_magnitude_similarity(photo: Photo, original: Photo) -> float:
    """Mean over half-size luminance of (2 a b + c) / (a^2 + b^2 + c), where a and b are Prewitt gradient magnitudes."""
    a, b = (_gradients(p) for p in (photo, original))
    return float(np.mean((2 * a * b + _GMS_CONSTANT) / (a**2 + b**2 + _GMS_CONSTANT)))


def truth_of(results: Sequence[EpisodeResult], undegraded: Sequence[EpisodeResult] = ()) -> Truth:
    """What the measures of episodes come to.

    Args:
        results: of a policy; those of photos that were not degraded count towards harm.
        undegraded: of the same policy, on photos that were not degraded.
    """
    both = (*results, *undegraded)
    compared = [(r, *r.measures[COLOUR_DIFFERENCE]) for r in both if COLOUR_DIFFERENCE in r.measures]
    compared = [row for row in compared if not any(map(math.isnan, row[1:]))]
    degraded = [row for row in compared if row[0].episode.degradation and row[1] > NOTICED]
    as_given = [row for row in compared if not row[0].episode.degradation]
    left = _sample(degraded, lambda before, after: after, lambda before, after: before)
    nearer = _sample(degraded, lambda before, after: float(after < before - NOTICED))
    harm = _sample(as_given, lambda before, after: after - before)
    remaining, added = (mean_interval(sample) if sample else None for sample in (left, harm))
    return Truth(
        recovered=1 - left.mean if left else None,
        recovered_ci95=(1 - remaining[1], min(1.0, 1 - remaining[0])) if remaining else None,
        nearer=nearer.mean if nearer else None,
        nearer_ci95=rate_interval(nearer) if nearer else None,
        harm=harm.mean if harm else None,
        harm_ci95=(max(0.0, added[0]), added[1]) if added else None,
    )


def _sample(
    rows: Sequence[tuple[EpisodeResult, float, float]],
    outcome: Callable[[float, float], float],
    weight: Callable[[float, float], float] = lambda before, after: 1.0,
) -> Sample | None:
    """Outcomes by photo, whose mean is weighted: that of `after` by `before` is the ratio of their means."""
    if not rows:
        return None
    photos = [[row[0].episode.photo_hash for row in rows]]
    sums = Sample.of([[outcome(*row[1:]) for row in rows]], photos).sums
    return Sample(sums, Sample.of([[weight(*row[1:]) for row in rows]], photos).sums)


def _gradients(photo: Photo) -> npt.NDArray[Any]:
    grey = rgb2gray(photo)
    half = downscale_local_mean(grey, (2, 2)) if min(grey.shape) >= 2 * _SMALLEST else grey
    magnitudes: npt.NDArray[Any] = np.hypot(prewitt_h(half), prewitt_v(half))
    return magnitudes
