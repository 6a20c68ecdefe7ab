"""What edits do to a photo besides its score, so that gaming the juror becomes visible."""

from collections.abc import Mapping, Sequence

import numpy as np

from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.juror.mix import Mix
from apsi.photo import Floats, Photo, difference
from apsi.policy.rollout import Measure


def clipped(photos: Sequence[Photo], originals: Sequence[Photo]) -> Floats:
    """Share of the pixels with a channel at 0 or 255."""
    return np.array([difference.clipped(photo).mean() for photo in photos])


def saturation(photos: Sequence[Photo], originals: Sequence[Photo]) -> Floats:
    """Mean saturation as in HSV, in [0, 1]."""
    means = []
    for photo in photos:
        high, low = photo.max(axis=2).astype(np.float64), photo.min(axis=2)
        means.append(((high - low) / np.maximum(high, 1)).mean())
    return np.array(means)


def distance(photos: Sequence[Photo], originals: Sequence[Photo]) -> Floats:
    """Mean absolute difference from the original in [0, 1]; the original is resized where the sizes differ."""
    return np.array(
        [difference.mean_difference(photo, original) for photo, original in zip(photos, originals, strict=True)]
    )


def measures_for(juror: Juror, second: Juror | None, cache: int) -> Mapping[str, Measure]:
    """Clipping, saturation, distance, the score of a second juror, and by its name each part of a mixed juror."""
    parts = dict(juror.jurors) if isinstance(juror, Mix) else {}
    jurors = parts | ({} if second is None else {"second": second})
    by_juror = {f"juror {name}": _scores_of(CachedJuror(part, cache)) for name, part in jurors.items()}
    return {"clipped": clipped, "saturation": saturation, "distance": distance, **by_juror}


def _scores_of(juror: Juror) -> Measure:
    return lambda photos, originals: juror.score(photos)
