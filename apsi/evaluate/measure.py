"""What edits do to a photo besides its score, so that gaming the juror becomes visible."""

from collections.abc import Mapping, Sequence

import numpy as np

from apsi.juror.base import FramingJuror, Juror
from apsi.juror.cache import CachedJuror
from apsi.juror.mix import Mix
from apsi.photo import Floats, Photo, difference
from apsi.policy.rollout import EditMeasure, Measure


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


def warmth(photos: Sequence[Photo], originals: Sequence[Photo]) -> Floats:
    """Mean of red less blue, in [-1, 1]."""
    return np.array([float(photo[..., 0].mean() - photo[..., 2].mean()) / 255 for photo in photos])


def distance(photos: Sequence[Photo], originals: Sequence[Photo]) -> Floats:
    """Mean absolute difference from the original in [0, 1]; the original is resized where the sizes differ."""
    return np.array(
        [difference.mean_difference(photo, original) for photo, original in zip(photos, originals, strict=True)]
    )


SECOND = "juror second"
"""Name of the score of `second_juror`"""

PHOTO_MEASURES: Mapping[str, Measure] = {
    "clipped": clipped,
    "saturation": saturation,
    "warmth": warmth,
    "distance": distance,
}


def juror_measures(juror: Juror, second: Juror | None, cache: int) -> dict[str, EditMeasure]:
    """The score of a second juror, each part of a mixed juror, and what the scores of jurors of crops are made of."""
    jurors = dict(juror.jurors) if isinstance(juror, Mix) else {}
    known: dict[str, Juror] = jurors | ({} if second is None else {"second": second})
    measures = {f"juror {name}": _scores_of(CachedJuror(part, cache)) for name, part in known.items()}
    for name, part in {**jurors, "": juror}.items():
        if isinstance(part, FramingJuror):
            measures |= {f"juror {name} {one}".replace("  ", " "): _part_of(part, one) for one in part.part_names}
    return measures


def _scores_of(juror: Juror) -> EditMeasure:
    return lambda edits, starts: juror.score_framed([edit.framed for edit in edits])


def _part_of(juror: FramingJuror, name: str) -> EditMeasure:
    return lambda edits, starts: juror.parts([edit.framed for edit in edits])[name]
