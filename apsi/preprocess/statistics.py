"""How the scores of prepared photos are distributed, by split."""

from collections.abc import Mapping, Sequence

import numpy as np

from apsi.photo.prepared import PreparedSplit

QUANTILES = (5, 25, 50, 75, 95)
"""In percent"""
ORIGINAL, DEGRADED = "original", "degraded"
Statistics = dict[str, float]


def statistics_of(scores: Sequence[float]) -> Statistics:
    """Number, mean, spread (standard deviation), least, most and quantiles of scores; of none, the number alone."""
    if not scores:
        return {"count": 0}
    values = np.asarray(scores, dtype=np.float64)
    quantiles = np.quantile(values, [quantile / 100 for quantile in QUANTILES]).tolist()
    return {
        "count": len(values),
        "mean": float(values.mean()),
        "spread": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
        **{f"q{quantile:02d}": value for quantile, value in zip(QUANTILES, quantiles, strict=True)},
    }


def score_statistics(splits: Mapping[str, PreparedSplit]) -> dict[str, dict[str, Statistics]]:
    """For each split, the scores of its originals, each once, and of its degraded photos."""
    found = {}
    for name, split in splits.items():
        originals = {episode.original: episode.target_score for episode in split.episodes}
        degraded = [episode.start_score for episode in split.episodes if episode.degradation]
        found[name] = {ORIGINAL: statistics_of(list(originals.values())), DEGRADED: statistics_of(degraded)}
    return found
