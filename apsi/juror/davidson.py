"""Probabilities of left, tie and right of two versions whose utilities are known (Davidson 1970)."""

from dataclasses import dataclass

import numpy as np

from apsi.photo import Floats

LEFT, TIE, RIGHT = 0, 1, 2
"""Columns of probabilities, and how answers are counted"""


def probabilities(margins: Floats, log_ties: float) -> Floats:
    """`(N, 3)`: of left, tie and right.

    Bradley-Terry with ties: proportional to exp(d / 2), nu and exp(-d / 2), for the margin d. Davidson: "On extending
    the Bradley-Terry model to accommodate ties in paired comparison experiments", JASA 65, 1970.

    Args:
        margins: `(N,)`: utility of what stands left less that of what stands right, with the bias to a side.
        log_ties: logarithm of nu; two equals tie with probability nu / (2 + nu).
    """
    logits = np.column_stack([margins / 2, np.full(len(margins), log_ties), -margins / 2])
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    # left + right first: swapping sides swaps two numbers and changes no bit of the sum
    total = (shifted[:, LEFT] + shifted[:, RIGHT]) + shifted[:, TIE]
    found: Floats = shifted / total[:, None]
    return found


@dataclass(frozen=True, eq=False)
class Curvature:
    """The log-likelihood of answers, by their margins and by the logarithm of nu."""

    loss: Floats
    """`(N,)`: negative log-likelihood of each answer"""
    by_margin: Floats
    """`(N,)`: slope of the loss"""
    by_ties: Floats
    """`(N,)`"""
    margin_margin: Floats
    """`(N,)`: second derivatives of the loss"""
    margin_ties: Floats
    """`(N,)`"""
    ties_ties: Floats
    """`(N,)`"""


def curvature(margins: Floats, log_ties: float, targets: Floats) -> Curvature:
    """Loss and derivatives of answers that are targets `(N, 3)`, shares of left, tie and right; convex in both."""
    chances = probabilities(margins, log_ties)
    mean = (chances[:, LEFT] - chances[:, RIGHT]) / 2
    told = (targets[:, LEFT] - targets[:, RIGHT]) / 2
    return Curvature(
        -(targets * np.log(np.maximum(chances, 1e-300))).sum(axis=1),
        mean - told,
        chances[:, TIE] - targets[:, TIE],
        (chances[:, LEFT] + chances[:, RIGHT]) / 4 - mean**2,
        -mean * chances[:, TIE],
        chances[:, TIE] * (1 - chances[:, TIE]),
    )
