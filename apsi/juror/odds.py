"""Scores as log-odds, where good and bad photos change alike."""

import numpy as np

from apsi.juror.base import SCORE_MAX
from apsi.photo import Floats


def log_odds(scores: Floats) -> Floats:
    """Of scores in [0, 10]: log(s / (10 - s)), kept within +-7."""
    share = np.clip(scores / SCORE_MAX, 0.001, 0.999)
    odds: Floats = np.log(share / (1 - share))
    return odds


def score_of(odds: Floats) -> Floats:
    """The scores in (0, 10) of log-odds."""
    scores: Floats = SCORE_MAX / (1 + np.exp(-odds))
    return scores
