"""How accuracy grows with the number of answers, and what further ones would bring."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apsi.photo import Bools, Floats
from apsi.preference.answered import Answered, folds
from apsi.preference.fitting import fit_chosen
from apsi.preference.measure import correct
from apsi.preference.model import FOLDS, HeldOut, Settings, apart

_SIZES = (10, 20, 40, 80, 150, 300, 600, 1_200, 2_500, 5_000)
_DRAWS = 6
_ENOUGH = 0.01


@dataclass(frozen=True)
class Step:
    """Models of so many answers."""

    answers: int
    accuracy: float
    """on held-out answers that are no ties, mean over draws"""
    spread: float
    """standard deviation over draws"""


def learning_curve(answered: Answered, held: HeldOut, settings: Settings, groups: Sequence[str]) -> list[Step]:
    """Accuracy of linear models of growing numbers of answers, those of one photo together.

    Args:
        answered: all answers.
        held: which of them measure.
        settings: as the model was fitted with.
        groups: of the columns.
    """
    splits = folds(answered, FOLDS, settings.seed) if held.by_folds else [(apart(answered, held.rows), held.rows)]
    smallest = min(int(train.sum()) for train, _ in splits)
    steps = []
    for size in [*(size for size in _SIZES if size < 0.6 * smallest), smallest]:
        draws = 1 if size == smallest else max(1, _DRAWS // len(splits))
        shares = []
        for draw in range(draws):
            rng = np.random.default_rng([settings.seed, size, draw])
            right = [
                _right(_first(answered, train, size, rng), answered[test], settings, groups) for train, test in splits
            ]
            said = np.concatenate(right)
            shares += [float(said.mean())] if len(said) else []
        if not shares:
            continue  # all are ties
        steps.append(Step(size, float(np.mean(shares)), float(np.std(shares))))
    return steps


def _first(answered: Answered, train: Bools, size: int, rng: np.random.Generator) -> Answered:
    """So many answers, photo by photo in random order."""
    photos = answered.originals
    place = dict(zip(photos, rng.permutation(len(photos)).tolist(), strict=True))
    rows = sorted(np.flatnonzero(train).tolist(), key=lambda row: place[min(answered.photos[row])])
    return answered[np.array(rows[:size], np.int64)]


def _right(learned: Answered, held: Answered, settings: Settings, groups: Sequence[str]) -> Floats:
    fit = fit_chosen(learned, settings.label_smoothing, groups, settings.seed)
    return correct(fit.margins(held, sides=False), held)


def outlook(steps: Sequence[Step]) -> tuple[str, dict[int, float]]:
    """What further answers would bring, in a sentence, and the accuracies that the curve leads to by their number.

    Accuracy is taken to come near its limit as 1 / sqrt(answers) falls, as the error of estimated weights does.
    """
    use = [step for step in steps if step.answers >= 20] or list(steps)
    if len(use) < 3:
        return "There are too few answers to tell what further ones would bring.", {}
    roots = np.array([step.answers**-0.5 for step in use])
    weights = np.array([step.answers**0.25 for step in use])
    slope, limit = np.polyfit(roots, np.array([step.accuracy for step in use]), 1, w=weights)
    have = use[-1].answers
    ahead = {n * have: float(np.clip(limit + min(slope, 0.0) * (n * have) ** -0.5, 0, 1)) for n in (1, 2, 4)}
    gains = {n: ahead[n] - ahead[have] for n in ahead if n > have}
    told = " and ".join(f"{100 * gain:+.1f} points with {n} answers" for n, gain in gains.items())
    if max(gains.values()) < _ENOUGH:
        return f"More answers would hardly raise the accuracy (by the curve: {told}); other features might.", ahead
    return f"More answers would help. By the curve, accuracy changes by {told}.", ahead
