"""From answers to a model of a person: settings chosen, measured on photos that were not learned from, then fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.preference import PRIOR, Fitted, Header, name_of
from apsi.photo import Bools, Floats
from apsi.photo.hash import value_hash
from apsi.preference.answered import Answered, folds
from apsi.preference.fitting import Fit, fit_chosen
from apsi.preference.networks import networks_help, with_networks
from apsi.preference.reading import Read, Reader, original_of

FEWEST = 10
"""Answers to fit on"""
FEWEST_HELD_OUT = 20
"""Answers of the test split; with fewer, folds by photo measure"""
MANY = 100
"""Answers from which on `head=auto` tries networks"""
FOLDS = 5
HeadName = Literal["auto", "linear", "mlp"]


@dataclass(frozen=True)
class Settings:
    """How a model of a person is fitted."""

    head: HeadName
    label_smoothing: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 0.5:
            raise ApsiError(f"task.label_smoothing={self.label_smoothing} must be from 0 to below 0.5")

    def fit(self, answered: Answered, groups: Sequence[str]) -> Fit:
        """The model of these answers, with settings chosen on photos that are held out from among them."""
        fit = fit_chosen(answered, self.label_smoothing, groups, self.seed)
        if self.head == "linear" or (self.head == "auto" and len(answered) < MANY):
            return fit
        if self.head == "auto" and not networks_help(answered, fit.penalty, self.label_smoothing, groups, self.seed):
            return fit
        return with_networks(answered, fit, self.label_smoothing, self.seed)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Answers that were predicted by a model that saw none of their photos."""

    rows: Bools
    """`(M,)`: which of all answers"""
    margins: Floats
    """`(m,)`: log-odds for the left by the utilities alone"""
    with_sides: Floats
    """`(m,)`: the same with the bias to a side"""
    losses: Floats
    """`(m,)`: negative log-likelihood, in nats"""
    trained: Bools
    """`(M,)`: which of all answers the final model is fitted on"""
    by_folds: bool
    """whether folds by photo, or of one photo by pair, were held out in turn, as the test split has too few answers"""


def groups_of(names: Sequence[str]) -> tuple[str, ...]:
    """The group of each column; the prior is one of its own."""
    return tuple(name.partition(".")[0] for name in names)


def names_of(reader: Reader) -> tuple[str, ...]:
    """Names of the columns."""
    return (PRIOR, *reader.maker.names)


def hold_out(read: Read, settings: Settings, groups: Sequence[str]) -> HeldOut:
    """Predicts the test split's answers, or where these are too few, each fold of the photos by the others.

    Raises:
        ApsiError: too few answers to learn from.
    """
    answered = read.answered
    require_enough(len(answered))
    test = np.array([one.split == "test" for one in read.comparisons], np.bool_)
    by_folds = (test & answered.decided).sum() < FEWEST_HELD_OUT or (~test).sum() < FEWEST
    trained = np.ones(len(answered), np.bool_) if by_folds else ~test
    splits = folds(answered, FOLDS, settings.seed) if by_folds else [(apart(answered, test), test)]
    rows = np.zeros(len(answered), np.bool_)
    found = {name: np.zeros(len(answered)) for name in ("margins", "with_sides", "losses")}
    for train, held in splits:
        fitted, own = settings.fit(answered[train], groups), answered[held]
        rows |= held
        found["margins"][held] = fitted.margins(own, sides=False)
        found["with_sides"][held] = fitted.margins(own)
        found["losses"][held] = fitted.losses(own)
    if not rows.any():
        raise ApsiError("all answers are about one pair, so that nothing can be held out: answer further pairs")
    return HeldOut(
        rows, found["margins"][rows], found["with_sides"][rows], found["losses"][rows], trained, bool(by_folds)
    )


def apart(answered: Answered, test: Bools) -> Bools:
    """Which answers share no photo with those that are held out."""
    seen = {photo for i in np.flatnonzero(test) for photo in answered.photos[i]}
    return np.array([not (left in seen or right in seen) for left, right in answered.photos], np.bool_)


def require_enough(count: int) -> None:
    """Raises an ApsiError where there are too few answers."""
    if count < FEWEST:
        raise ApsiError(
            f"there are {count} answers that are left, right or tie, and a model of a person needs {FEWEST} or more: "
            "answer further pairs with task=annotate"
        )


def fitted_of(fit: Fit, read: Read, reader: Reader, trained: Bools) -> Fitted:
    """The model as a juror holds it, calibrated on the versions that it was fitted on and on their originals.

    Args:
        fit: what was fitted.
        read: the answers.
        reader: what made their columns.
        trained: `(M,)`: which answers it was fitted on.
    """
    chosen = [read.comparisons[i] for i in np.flatnonzero(trained)]
    versions = {v.key: v for one in chosen for v in (one.left, one.right)}
    originals = {v.key: v for v in map(original_of, versions.values())}
    rows = np.stack(list(reader.columns([*versions.values(), *originals.values()]).values()))
    utilities = fit.head.utility(rows)
    header = Header(
        features=reader.maker.fingerprint,
        prior=name_of(reader.prior),
        groups=reader.maker.groups,
        faces=reader.maker.faces,
        names=names_of(reader),
        middle=float(np.median(utilities)),
        spread=max(float(utilities.std()), 1e-3),
        log_ties=fit.log_ties,
        sides=tuple(fit.sides.tolist()),
        answers=len(chosen),
        made_of=value_hash([[one.answer.id, one.answer.answer] for one in chosen]),
    )
    return Fitted(header, fit.head, reader.maker)
