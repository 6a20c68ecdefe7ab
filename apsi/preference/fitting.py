"""Fitting the model of a person: most likely weights, shrunk, with their doubt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apsi.juror.davidson import LEFT, RIGHT, curvature
from apsi.juror.preference_head import Head, no_networks
from apsi.photo import Floats
from apsi.preference.answered import Answered, folds

PENALTIES = tuple(float(value) for value in np.geomspace(0.1, 300, 7))
"""Of which the one is chosen that predicts photos best that were not learned from"""
_PRIOR_WEIGHT, _PRIOR_PENALTY = 0.5, 16.0
"""Of the prior juror's score, in log-odds for a typical difference within a pair, before any answer; and how sure"""
_SIDE_PENALTY = 0.25
_LOG_TIES, _TIES_PENALTY = -1.0, 0.25
_STEPS = 60
_LITTLE = 1e-9
_INNER = 5  # folds by photo that choose the penalty


@dataclass(frozen=True, eq=False)
class Fit:
    """A head, and what belongs to the answers alone."""

    head: Head
    sides: Floats
    """`(A,)`: for each person, log-odds for the left"""
    sides_sd: Floats
    """`(A,)`: standard errors"""
    log_ties: float
    log_ties_sd: float
    penalty: float

    def margins(self, answered: Answered, sides: bool = True) -> Floats:
        """`(M,)`: log-odds for the left, with those of its side or without."""
        apart = self.head.utility(answered.left) - self.head.utility(answered.right)
        if not sides:
            return apart
        own: Floats = np.append(self.sides, 0.0)[np.minimum(answered.people, len(self.sides))]
        return apart + own

    def losses(self, answered: Answered) -> Floats:
        """`(M,)`: negative log-likelihood of each answer, in nats."""
        return curvature(self.margins(answered), self.log_ties, targets(answered, 0.0)).loss


def targets(answered: Answered, smoothing: float) -> Floats:
    """`(M, 3)`: shares of left, tie and right that each answer stands for.

    Args:
        answered: the answers.
        smoothing: share of the answers left and right that are taken for slips to the other side.
    """
    rows = np.eye(3)[answered.outcomes]
    slipped = rows.copy()
    slipped[:, LEFT] += smoothing * (rows[:, RIGHT] - rows[:, LEFT])
    slipped[:, RIGHT] += smoothing * (rows[:, LEFT] - rows[:, RIGHT])
    return slipped


def fit_linear(answered: Answered, penalty: float, smoothing: float, groups: Sequence[str]) -> Fit:
    """The most likely linear head under Gaussian priors (MAP), by Newton's method: the loss is convex.

    Args:
        answered: what to learn from.
        penalty: inverse variance of the weights, of a group together.
        smoothing: see `targets`.
        groups: `(C,)`: of each column; many features of a group get less weight each. The first is the prior.
    """
    blank, shrink = _blank(answered, groups)
    used = np.flatnonzero(blank.scale > 0)
    rows = (blank.standard(answered.left) - blank.standard(answered.right))[:, used]
    people = int(answered.people.max()) + 1 if len(answered) else 1
    design = np.column_stack([rows, np.eye(people)[answered.people]])
    is_prior = used == 0
    start = np.concatenate([np.where(is_prior, _PRIOR_WEIGHT, 0.0), np.zeros(people), [_LOG_TIES]])
    stiffness = np.concatenate(
        [np.where(is_prior, _PRIOR_PENALTY, penalty * shrink[used]), np.full(people, _SIDE_PENALTY), [_TIES_PENALTY]]
    )
    found, covariance = _newton(design, targets(answered, smoothing), start, stiffness)
    columns, n = len(blank.weights), len(used)
    weights, spread = np.zeros(columns), np.zeros((columns, columns))
    weights[used] = found[:n]
    spread[np.ix_(used, used)] = covariance[:n, :n]
    head = Head(blank.centre, blank.scale, blank.low, blank.high, weights, spread, blank.hidden, blank.output)
    errors = np.sqrt(np.diag(covariance))
    return Fit(head, found[n:-1], errors[n:-1], float(found[-1]), float(errors[-1]), penalty)


def _blank(answered: Answered, groups: Sequence[str]) -> tuple[Head, Floats]:
    """A head without weights that knows how columns differ, and how much more each is shrunk, `(C,)`."""
    both = np.concatenate([answered.left, answered.right])
    apart = answered.left - answered.right
    scale = np.sqrt((apart * apart).mean(axis=0) / 2)
    scale[scale < _LITTLE * (1 + np.abs(both).max(axis=0))] = 0.0
    columns = both.shape[1]
    counts = {group: sum(other == group and scale[i] > 0 for i, other in enumerate(groups)) for group in set(groups)}
    shrink = np.array([max(1.0, counts[group] / 10) for group in groups])
    blank = Head(
        both.mean(axis=0),
        scale,
        both.min(axis=0),
        both.max(axis=0),
        np.zeros(columns),
        np.zeros((columns, columns)),
        *no_networks(columns),
    )
    return blank, shrink


def _newton(design: Floats, told: Floats, start: Floats, stiffness: Floats) -> tuple[Floats, Floats]:
    """The minimum over the columns' weights and, last, the logarithm of nu; the inverse of the curvature there."""

    def loss(values: Floats) -> float:
        own = curvature(design @ values[:-1], float(values[-1]), told).loss.sum()
        return float(own + (stiffness * (values - start) ** 2).sum() / 2)

    values, best = start.copy(), np.inf
    hessian = np.diag(stiffness)
    for _ in range(_STEPS):
        at = curvature(design @ values[:-1], float(values[-1]), told)
        slope = np.append(design.T @ at.by_margin, at.by_ties.sum()) + stiffness * (values - start)
        hessian = np.diag(stiffness).astype(np.float64)
        hessian[:-1, :-1] += (design * at.margin_margin[:, None]).T @ design
        across = design.T @ at.margin_ties
        hessian[:-1, -1] += across
        hessian[-1, :-1] += across
        hessian[-1, -1] += at.ties_ties.sum()
        step = np.linalg.solve(hessian, slope)
        best, size = loss(values), 1.0
        while size > 1e-6 and loss(values - size * step) > best:
            size /= 2
        if size <= 1e-6 or float(slope @ step) < 1e-12:
            break
        values = values - size * step
    covariance: Floats = np.asarray(np.linalg.inv(hessian), np.float64)
    return values, covariance


def choose_penalty(answered: Answered, smoothing: float, groups: Sequence[str], seed: int) -> tuple[float, Floats]:
    """The penalty under which photos that were not learned from are predicted best, and the losses.

    Returns:
        The penalty, and for each of `PENALTIES` the mean loss of a held-out answer, in nats.
    """
    losses = np.zeros(len(PENALTIES))
    if not (splits := folds(answered, _INNER, seed)):
        return max(PENALTIES), losses  # nothing can be held out: what is there already counts most
    for train, test in splits:
        for i, penalty in enumerate(PENALTIES):
            fitted = fit_linear(answered[train], penalty, smoothing, groups)
            losses[i] += fitted.losses(answered[test]).sum()
    return PENALTIES[int(np.argmin(losses))], losses / max(1, len(answered))


def fit_chosen(answered: Answered, smoothing: float, groups: Sequence[str], seed: int) -> Fit:
    """A linear head with the penalty that `choose_penalty` chooses."""
    penalty, _ = choose_penalty(answered, smoothing, groups, seed)
    return fit_linear(answered, penalty, smoothing, groups)
