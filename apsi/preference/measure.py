"""How well a model of a person predicts answers that it did not see, beside simple rules and what can be reached."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apsi.interval import Interval, Sample, difference_interval, rate_interval, wilson_interval
from apsi.juror.davidson import LEFT, TIE
from apsi.photo import Bools, Floats
from apsi.preference.answered import Answered
from apsi.preference.folder import Comparison
from apsi.transform.recipe import Recipe

_SAME = 0.01
"""Areas that differ by less, relatively, are equal"""
_BINS = 8
_FEW_REPEATS = 5


@dataclass(frozen=True)
class Rate:
    """A share of answers, with its 95 % interval by photo; None: too few photos."""

    share: float
    interval: Interval | None
    answers: int


@dataclass(frozen=True)
class Bin:
    """Held-out answers whose predictions are alike."""

    predicted: float
    """mean probability of the left, of answers that are no ties"""
    observed: float
    """share of them that were left"""
    interval: Interval
    answers: int


def correct(margins: Floats, answered: Answered) -> Floats:
    """For each answer that is no tie: 1 where the margin, log-odds for the left, says it; 0.5 where that is 0."""
    chosen = answered.decided
    left = answered.won[chosen] == 1
    return np.where(margins[chosen] == 0, 0.5, (margins[chosen] > 0) == left)


def areas(comparisons: Sequence[Comparison]) -> Floats:
    """`(M, 2)`: shares of the originals that are kept left and right, by what cuts to a box."""
    return np.array([[_area(one.left.steps), _area(one.right.steps)] for one in comparisons]).reshape(-1, 2)


def _area(recipe: Recipe) -> float:
    area = 1.0
    for step in recipe:
        box = getattr(step, "box", None)
        if box is None:
            break
        area *= float(box.area)
    return area


def larger(shares: Floats) -> Floats:
    """`(M,)`: margins of 'the larger one wins', 0 where both are alike."""
    growth = np.log(shares[:, 0] / shares[:, 1])
    return np.where(np.abs(growth) < _SAME, 0.0, growth)


def rate(values: Floats, answered: Answered) -> Rate:
    """The mean of outcomes `(D,)` of answers that are no ties, by photo."""
    sample = _sample(values, answered)
    return Rate(sample.mean, rate_interval(sample), len(values))


def ahead(values: Floats, other: Floats, answered: Answered) -> tuple[float, Interval | None]:
    """By how much outcomes `(D,)` are more often right than others, with the interval by photo."""
    first, second = _sample(other, answered), _sample(values, answered)
    return second.mean - first.mean, difference_interval(first, second, rates=False)


def _sample(values: Floats, answered: Answered) -> Sample:
    photos = [min(answered.photos[i]) for i in np.flatnonzero(answered.decided)]
    return Sample.of([values], [photos])


def tie_rate(answered: Answered) -> Rate:
    """Share of ties."""
    ties = (answered.outcomes == TIE).astype(np.float64)
    sample = Sample.of([ties], [[min(both) for both in answered.photos]])
    return Rate(sample.mean, rate_interval(sample), len(ties))


@dataclass(frozen=True)
class Ceiling:
    """What nobody can exceed who predicts this person."""

    repeats: int
    """pairs that were answered more than once by the same person, both times without a tie"""
    agreement: Rate | None
    """share of these answers that were for the same version; None: too few repeats"""
    accuracy: float | None
    """the highest accuracy that such agreement allows"""
    accuracy_interval: Interval | None


def ceiling(comparisons: Sequence[Comparison]) -> Ceiling:
    """By how often a person says the same again.

    Where each answer is right with probability p, two agree with q = p^2 + (1 - p)^2, so that
    p = (1 + sqrt(2q - 1)) / 2. Where p differs from pair to pair this is an upper bound (Jensen).
    """
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    photo_of: dict[tuple[str, str], str] = {}
    for one in comparisons:
        if one.preferred is not None:
            key = (one.answer.annotator, one.answer.pair)
            said[key].append(one.preferred.key)
            photo_of[key] = min(one.left.photo, one.right.photo)
    twice = {key: votes for key, votes in said.items() if len(votes) > 1}
    if len(twice) < _FEW_REPEATS:
        return Ceiling(len(twice), None, None, None)
    alike = [float(votes[0] == votes[-1]) for votes in twice.values()]
    sample = Sample.of([alike], [[photo_of[key] for key in twice]])
    agreement = Rate(sample.mean, rate_interval(sample), len(alike))
    ends = agreement.interval
    within = None if ends is None else (_reachable(ends[0]), _reachable(ends[1]))
    return Ceiling(len(twice), agreement, _reachable(sample.mean), within)


def _reachable(agreement: float) -> float:
    return (1 + math.sqrt(max(0.0, 2 * agreement - 1))) / 2


def reliability(margins: Floats, answered: Answered) -> list[Bin]:
    """Predicted probabilities of the left against shares, in bins of as many answers each; ties are left out."""
    chosen = answered.decided
    chances, left = 1 / (1 + np.exp(-margins[chosen])), (answered.outcomes[chosen] == LEFT).astype(np.float64)
    order = np.argsort(chances, kind="stable")
    count = max(1, min(_BINS, len(order) // 8))
    bins = []
    for rows in np.array_split(order, count):
        if len(rows):
            share = float(left[rows].mean())
            bins.append(Bin(float(chances[rows].mean()), share, wilson_interval(share, len(rows)), len(rows)))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance of prediction and share, weighted by answers (expected calibration error)."""
    total = sum(one.answers for one in bins)
    return sum(one.answers * abs(one.predicted - one.observed) for one in bins) / max(1, total)


def left_rate(answered: Answered) -> Floats:
    """Outcomes `(D,)` of 'always left'."""
    chosen: Bools = answered.decided
    return answered.won[chosen]
