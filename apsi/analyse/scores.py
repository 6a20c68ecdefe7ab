"""What scores are like: by split, and what each transform costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apsi.analyse.material import DegradedCopy, Material
from apsi.photo import Floats
from apsi.preprocess.base import SPLITS

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_ROWS = 4096


@dataclass(frozen=True)
class Spread:
    """How numbers are spread."""

    count: int
    mean: float
    deviation: float
    """standard deviation of the sample; 0 of one number"""
    quantiles: tuple[float, ...]
    """at `QUANTILES`"""

    @classmethod
    def of(cls, values: Floats) -> "Spread | None":
        """None where there are no numbers."""
        if not len(values):
            return None
        deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        return cls(len(values), float(values.mean()), deviation, tuple(np.quantile(values, QUANTILES).tolist()))


@dataclass(frozen=True)
class SplitScores:
    """The scores of a split."""

    split: str
    """or `all`"""
    originals: Floats
    """of whole photos"""
    degraded: Floats
    """of degraded copies, those of crops too"""

    @property
    def spreads(self) -> dict[str, Spread | None]:
        """Of photos, of degraded copies."""
        return {"photos": Spread.of(self.originals), "degraded copies": Spread.of(self.degraded)}


@dataclass(frozen=True)
class Cost:
    """What a transform costs in score, of all degraded copies that it was done to."""

    label: str
    """adjustments count together whatever their amount"""
    copies: int
    drop: Spread
    """of the scores of these copies, other transforms in their recipes included"""
    alone: float | None
    """mean drop of copies that nothing else was done to; None: there is none"""
    share: float
    """of the drop that is its own, by least squares over all recipes: drops of the transforms of a recipe add up"""


def by_split(material: Material) -> tuple[SplitScores, ...]:
    """Scores of all photos and of each split."""
    splits = [material.photos[copy.photo].split for copy in material.copies]
    rows = []
    for name in ("all", *SPLITS):
        originals = [p.score for p in material.photos if name in ("all", p.split) and p.score is not None]
        degraded = [c.score for c, split in zip(material.copies, splits, strict=True) if name in ("all", split)]
        rows.append(SplitScores(name, np.array(originals, np.float64), np.array(degraded, np.float64)))
    return tuple(rows)


def kind(label: str) -> str:
    """A transform's label without its amount."""
    return label.partition("(")[0]


def costs(copies: Sequence[DegradedCopy]) -> tuple[Cost, ...]:
    """What each transform costs, the dearest first."""
    labels = sorted({kind(label) for copy in copies for label in copy.labels})
    place = {label: i for i, label in enumerate(labels)}
    drops: list[list[float]] = [[] for _ in labels]
    alone: list[list[float]] = [[] for _ in labels]
    for copy in copies:
        done = {kind(label) for label in copy.labels}
        for label in done:
            drops[place[label]].append(copy.drop)
            if len(copy.labels) == 1:
                alone[place[label]].append(copy.drop)
    shares = _shares(copies, place)
    found = []
    for i, label in enumerate(labels):
        spread = Spread.of(np.array(drops[i]))
        assert spread is not None
        found.append(Cost(label, len(drops[i]), spread, float(np.mean(alone[i])) if alone[i] else None, shares[i]))
    return tuple(sorted(found, key=lambda cost: (-cost.share, cost.label)))


def _shares(copies: Sequence[DegradedCopy], place: dict[str, int]) -> list[float]:
    """Least squares of the drops on how often each transform was done, without an intercept."""
    products, sums = np.zeros((len(place), len(place))), np.zeros(len(place))
    for start in range(0, len(copies), _ROWS):
        part = copies[start : start + _ROWS]
        done = np.zeros((len(part), len(place)))
        for row, copy in enumerate(part):
            for label in copy.labels:
                done[row, place[kind(label)]] += 1
        products += done.T @ done
        sums += done.T @ np.array([copy.drop for copy in part])
    solved: list[float] = np.linalg.lstsq(products, sums)[0].tolist()
    return solved
