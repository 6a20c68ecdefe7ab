"""The figures of a fitted model of a person."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from apsi.juror.davidson import TIE
from apsi.photo import Floats
from apsi.preference.fitting import Fit
from apsi.preference.measure import (
    Rate,
    ahead,
    areas,
    calibration_error,
    ceiling,
    correct,
    larger,
    left_rate,
    rate,
    reliability,
    tie_rate,
)
from apsi.preference.model import HeldOut
from apsi.preference.reading import Read

_Z = 1.96


def summarise(read: Read, held: HeldOut, fit: Fit) -> dict[str, Any]:
    """Held-out accuracy beside simple rules, the ceiling, ties, sides and calibration, as JSON has them."""
    answered = read.answered[held.rows]
    figures: dict[str, Any] = {
        "answers": len(read.answered),
        "people": len(read.people),
        "photos": len(read.answered.originals),
        "fitted_on": int(held.trained.sum()),
        "by_folds": held.by_folds,
        "held_out": int(held.rows.sum()),
        "penalty": fit.penalty,
        "head": "linear" if fit.head.is_linear else "mlp",
    }
    if answered.decided.any():
        right = outcomes(read, held)
        figures["accuracy"] = {name: _rate(rate(values, answered)) for name, values in right.items()}
        figures["ahead_of"] = {
            name: dict(zip(("difference", "interval"), ahead(right["model"], values, answered), strict=True))
            for name, values in right.items()
            if name != "model"
        }
        bins = reliability(held.with_sides, answered)
        figures["reliability"] = [asdict(one) for one in bins]
        figures["calibration_error"] = calibration_error(bins)
    limit = ceiling(read.comparisons)
    figures["ceiling"] = {
        "repeats": limit.repeats,
        "agreement": None if limit.agreement is None else _rate(limit.agreement),
        "accuracy": limit.accuracy,
        "interval": limit.accuracy_interval,
    }
    figures["loss"] = float(held.losses.mean())
    figures["loss_of_a_coin"] = _coin(read, held)
    figures["ties"] = _rate(tie_rate(read.answered)) | {
        "between_equals": _equals(fit.log_ties),
        "between_equals_interval": [_equals(fit.log_ties + sign * _Z * fit.log_ties_sd) for sign in (-1, 1)],
    }
    figures["sides"] = {
        name: {"log_odds": side, "interval": [side - _Z * sd, side + _Z * sd]}
        for name, side, sd in zip(read.people, fit.sides.tolist(), fit.sides_sd.tolist(), strict=True)
    }
    return figures


Standing = Literal["ahead", "unclear", "behind"]


def best_rule(figures: Mapping[str, Any]) -> str:
    """The simple rule that predicts most of the held-out choices; there must be such choices."""
    shares: dict[str, float] = {name: one["share"] for name, one in figures["accuracy"].items() if name != "model"}
    return max(shares, key=lambda name: shares[name])


def standing(figures: Mapping[str, Any]) -> Standing:
    """Whether the model predicts more held-out choices than the best simple rule, or fewer, by more than chance."""
    if "accuracy" not in figures:
        return "unclear"  # all of them are ties
    ends = figures["ahead_of"][best_rule(figures)]["interval"]
    if ends is None or ends[0] <= 0 <= ends[1]:
        return "unclear"
    return "ahead" if ends[0] > 0 else "behind"


def outcomes(read: Read, held: HeldOut) -> dict[str, Floats]:
    """For held-out answers that are no ties: whether each rule says them, `(D,)`."""
    answered = read.answered[held.rows]
    comparisons = [read.comparisons[i] for i in np.flatnonzero(held.rows)]
    return {
        "model": correct(held.margins, answered),
        "prior juror": correct(answered.left[:, 0] - answered.right[:, 0], answered),
        "larger wins": correct(larger(areas(comparisons)), answered),
        "always left": left_rate(answered),
    }


def _coin(read: Read, held: HeldOut) -> float:
    """Loss of the shares of ties alone."""
    share = float(np.clip((read.answered[held.rows].outcomes == TIE).mean(), 1e-3, 1 - 1e-3))
    return float(-(share * np.log(share) + (1 - share) * np.log((1 - share) / 2)))


def _equals(log_ties: float) -> float:
    return float(1 / (1 + 2 * np.exp(-log_ties)))


def _rate(one: Rate) -> dict[str, Any]:
    return {"share": one.share, "interval": one.interval, "answers": one.answers}
