"""How much an answer to a pair would tell a model of a person."""

from collections.abc import Sequence

import numpy as np

from apsi.juror.davidson import probabilities
from apsi.juror.framed import FramedPhoto
from apsi.juror.preference import Preference
from apsi.photo import Floats

_NODES = 15  # of the quadrature


def information(juror: Preference, left: Sequence[FramedPhoto], right: Sequence[FramedPhoto]) -> Floats:
    """`(N,)`, in nats: what the model does not know of each answer, less what no model could know.

    Houlsby, Huszár, Ghahramani, Lengyel: "Bayesian active learning for classification and preference learning" (BALD),
    2011.

    Args:
        juror: fitted.
        left: N versions.
        right: N versions that they are compared with.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    differences = juror.utility(left) - juror.utility(right)
    drawn = differences[:, None] + juror.doubt(left, right)[:, None] * nodes
    chances = probabilities(drawn.ravel(), juror.fitted.header.log_ties).reshape(*drawn.shape, 3)
    mean = np.einsum("nkc,k->nc", chances, weights)
    gained: Floats = _entropy(mean) - _entropy(chances) @ weights
    return np.maximum(gained, 0)


def _entropy(chances: Floats) -> Floats:
    entropy: Floats = -(chances * np.log(np.maximum(chances, 1e-300))).sum(axis=-1)
    return entropy
