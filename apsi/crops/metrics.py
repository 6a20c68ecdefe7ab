"""How near crops come to those of people.

The measures of ranking are those of Zeng et al., "Grid anchor based image cropping: a new benchmark and an efficient
model", TPAMI 2020: each is of one photo, and is averaged over photos.
"""

import numpy as np
from scipy.stats import pearsonr, spearmanr

from apsi.photo import Floats, Ints


def overlap(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of boxes, pair by pair.

    Args:
        boxes: `(n, 4)`: x1, y1, x2, y2 in any unit.
        others: the same.

    Returns:
        `(n,)` in [0, 1].
    """
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    shared = (high - low).clip(0).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    result: Floats = shared / union
    return result


def displacement(boxes: Floats, others: Floats) -> Floats:
    """Boundary displacement error, pair by pair: mean distance of the four edges, as a share of the photo's sides.

    Args:
        boxes: `(n, 4)`: x1, y1, x2, y2 as shares of the sides.
        others: the same.

    Returns:
        `(n,)` in [0, 1]; 0 for equal boxes.
    """
    result: Floats = np.abs(boxes - others).mean(axis=1)
    return result


def rank_correlation(predicted: Floats, scores: Floats) -> float:
    """Spearman's correlation (SRCC) of predicted scores `(n,)` and those of people; NaN where either is constant."""
    return float(spearmanr(*_known(predicted, scores)).statistic) if _vary(predicted, scores) else np.nan


def linear_correlation(predicted: Floats, scores: Floats) -> float:
    """Pearson's correlation (PCC) of predicted scores `(n,)` and those of people; NaN where either is constant."""
    return float(pearsonr(*_known(predicted, scores)).statistic) if _vary(predicted, scores) else np.nan


def accuracy(predicted: Floats, scores: Floats, returned: int, best: int) -> float:
    """Acc_{K/N}: share of the K crops with the highest predicted scores that are among the N best of people.

    Crops whose score equals that of the N-th best count as among them, as in the published evaluation. Equal predicted
    scores are taken in the order of the data set.

    Args:
        predicted: `(n,)`.
        scores: `(n,)` of people, NaN: not annotated; those are left out.
        returned: K.
        best: N.

    Raises:
        ValueError: fewer than K or N crops have a score.
    """
    predicted, scores = _enough(predicted, scores, returned, best)
    return float((scores[_answers(predicted, returned)] >= np.sort(scores)[-best]).mean())


def weighted_accuracy(predicted: Floats, scores: Floats, returned: int, best: int) -> float:
    """Rank-weighted Acc_{K/N}: as `accuracy`, but a returned crop counts exp(-(r - k) / N), and less the worse it is.

    r is the rank of the crop among all by the scores of people, k its rank among the returned ones, both from 0 for
    the best; the decay is 0.2 for N = 5 and 0.1 for N = 10, as in the published evaluation. Of crops with equal scores
    those that were returned rank first, so that their order in the data set does not matter.

    Args and Raises: as `accuracy`.
    """
    predicted, scores = _enough(predicted, scores, returned, best)
    answers = _answers(predicted, returned)
    is_other = np.ones(len(scores), np.bool_)
    is_other[answers] = False
    ranks = np.empty(len(scores), np.int64)
    ranks[np.lexsort((is_other, -scores))] = np.arange(len(scores))
    own = np.sort(ranks[answers])
    weights = np.where(own < best, np.exp(-(own - np.arange(returned)) / best), 0.0)
    return float(weights.mean())


def _answers(predicted: Floats, returned: int) -> Ints:
    """Rows of the crops with the highest predicted scores."""
    return np.argsort(-predicted, kind="stable")[:returned]


def _known(predicted: Floats, scores: Floats) -> tuple[Floats, Floats]:
    known = ~np.isnan(scores)
    return predicted[known], scores[known]


def _vary(predicted: Floats, scores: Floats) -> bool:
    return all(len(values) > 1 and np.ptp(values) > 0 for values in _known(predicted, scores))


def _enough(predicted: Floats, scores: Floats, returned: int, best: int) -> tuple[Floats, Floats]:
    predicted, scores = _known(predicted, scores)
    if not 1 <= max(returned, best) <= len(scores) or min(returned, best) < 1:
        raise ValueError(f"Acc_{returned}/{best} needs {max(returned, best, 1)} crops with a score, not {len(scores)}")
    return predicted, scores
