"""Proposing a mapping for a model with an undocumented scale, from its values for the user's photos."""

from dataclasses import dataclass

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.mapping import Mapping
from apsi.photo import Floats

_UNSURE = 0.6
_FEW = 0.5


@dataclass(frozen=True)
class Proposal:
    """A proposed mapping and its evidence."""

    mapping: Mapping
    higher_is_better: bool
    preferred: float | None
    """share of the photos whose value is the better one of photo and degraded copy; None without copies"""
    warnings: tuple[str, ...]


def propose(kind: type[Mapping], photos: Floats, degraded: Floats) -> Proposal:
    """Fits a mapping to all values; the better side is that of the undegraded photos.

    Args:
        kind: of mapping.
        photos: a value for each photo, `(N,)`.
        degraded: for a degraded copy of each, `(N,)`, or `(0,)`.

    Raises:
        ApsiError: a value that is no number, or all the same.
    """
    values = np.concatenate([photos, degraded])
    if not np.isfinite(values).all():
        raise ApsiError(f"the model gives {values[~np.isfinite(values)][0]} for some photo; {_CHECK}")
    if np.ptp(values) <= 1e-6 * max(1.0, float(np.abs(values).max())):
        raise ApsiError(f"the model gives {values[0]:g} for each of {len(values)} pictures; {_CHECK}")
    higher, preferred, warnings = _direction(photos, degraded)
    different = len(np.unique(np.round(values, 6))) / len(values)
    if different < _FEW:
        warnings.append(
            f"Only {different:.0%} of the values differ from each other: the model is saturated, or {_CHECK}"
        )
    return Proposal(kind.fitted(values, higher), higher, preferred, tuple(warnings))


_CHECK = (
    "juror.size, juror.mean, juror.std, juror.layout, juror.output or juror.activation are probably not the model's own"
)


def _direction(photos: Floats, degraded: Floats) -> tuple[bool, float | None, list[str]]:
    if not len(degraded):
        said = "No photo was degraded, so the direction is a guess: higher is better. Reverse it if it is not"
        return True, None, [f"{said}: {_TURN}"]
    wins = float(np.mean((photos > degraded) + 0.5 * (photos == degraded)))
    preferred = max(wins, 1 - wins)
    if preferred >= _UNSURE:
        return wins >= 0.5, preferred, []
    said = (
        f"The model prefers the photo to its degraded copy in {preferred:.0%} of cases only: the direction is a guess"
    )
    return wins >= 0.5, preferred, [f"{said}; where its maker says otherwise, {_TURN}"]


_TURN = "change the sign of juror.mapping.scale, or exchange juror.mapping.worst and juror.mapping.best"
