"""The utility of a version of a photo: what is learned of a person."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import Parameters
from apsi.photo import Floats

_LARGEST = 100_000  # columns


@dataclass(frozen=True, eq=False)
class Head:
    """A scalar for each row of columns: linear, and where that predicts better, small networks added to it.

    The first column is the score of the juror that was there before the answers (the prior), the others are features.
    What was never seen in a pair is told as the nearest that was: columns are cut off at `low` and `high`.
    """

    centre: Floats
    """`(C,)`"""
    scale: Floats
    """`(C,)`: what the columns are divided by; 0: the column never differed within a pair, and is not looked at"""
    low: Floats
    """`(C,)`"""
    high: Floats
    """`(C,)`"""
    weights: Floats
    """`(C,)`: of the divided columns, in log-odds"""
    covariance: Floats
    """`(C, C)`: of the weights, by Laplace's approximation"""
    hidden: Floats
    """`(M, C + 1, H)`: weights and bias of the hidden layer of M networks; M may be 0"""
    output: Floats
    """`(M, H)`"""

    def __post_init__(self) -> None:
        c = len(self.centre)
        networks, _, width = self.hidden.shape if self.hidden.ndim == 3 else (0, 0, 0)
        shapes = {
            **dict.fromkeys(("centre", "scale", "low", "high", "weights"), (c,)),
            "covariance": (c, c),
            "hidden": (networks, c + 1, width),
            "output": (networks, width),
        }
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape or values.dtype != np.float64 or not np.isfinite(values).all():
                raise ApsiError(f"{name} of a model of a person must be {shape} finite numbers, not {values.shape}")
        if not 1 <= c <= _LARGEST or (self.scale < 0).any() or (self.low > self.high).any():
            raise ApsiError("a model of a person needs columns with a scale of 0 or more, and low below high")

    @property
    def is_linear(self) -> bool:
        """Whether there are no networks."""
        return not len(self.hidden)

    def standard(self, columns: Floats) -> Floats:
        """Columns `(N, C)` as they are weighted; 0 in those that are not looked at."""
        if columns.ndim != 2 or columns.shape[1] != len(self.centre):
            raise ApsiError(
                f"this model of a person was fitted on {len(self.centre)} columns, and gets {columns.shape[1:]}: fit "
                "it again with this version of apsi"
            )
        scale = np.where(self.scale > 0, self.scale, 1.0)
        inside = (np.clip(columns, self.low, self.high) - self.centre) / scale
        found: Floats = np.where(self.scale > 0, inside, 0.0)
        return np.ascontiguousarray(found)

    def utility(self, columns: Floats) -> Floats:
        """`(N,)`: how good each is, in log-odds: the difference of two is that of preferring one."""
        rows = self.standard(columns)
        total: Floats = (rows * self.weights).sum(axis=1)  # no @, which rounds by the number of rows
        if not self.is_linear:
            total = total + self._networks(rows).mean(axis=0)
        return total

    def contributions(self, columns: Floats) -> Floats:
        """`(N, C)`: what each column adds to the linear part of the utility."""
        return self.standard(columns) * self.weights

    def draws(self, columns: Floats, count: int, rng: np.random.Generator) -> Floats:
        """`(count, N)`: utilities as they may be, after these answers: doubt is how they differ.

        Args:
            columns: `(N, C)`.
            count: how many times.
            rng: what the weights are drawn with.
        """
        rows = self.standard(columns)
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        weights = self.weights + rng.standard_normal((count, len(root))) @ root.T
        drawn: Floats = weights @ rows.T
        if not self.is_linear:
            drawn = drawn + self._networks(rows)[rng.integers(len(self.hidden), size=count)]
        return drawn

    def doubt(self, left: Floats, right: Floats) -> Floats:
        """`(N,)`: standard deviation of the differences of utility of rows `(N, C)` and `(N, C)`."""
        first, second = self.standard(left), self.standard(right)
        apart = first - second
        variance = ((apart @ self.covariance) * apart).sum(axis=1)
        if len(self.hidden) > 1:
            variance = variance + (self._networks(first) - self._networks(second)).var(axis=0)
        doubt: Floats = np.sqrt(np.maximum(variance, 0))
        return doubt

    def _networks(self, rows: Floats) -> Floats:
        """What each network adds, `(M, N)`; row by row, so that a photo's score does not depend on the batch."""
        found = np.empty((len(self.hidden), len(rows)))
        for i, row in enumerate(rows):
            inner = np.tanh((self.hidden[:, :-1] * row[:, None]).sum(axis=1) + self.hidden[:, -1])
            found[:, i] = (inner * self.output).sum(axis=1)
        return found

    def with_networks(self, hidden: Floats, output: Floats) -> Self:
        """The same with these networks added."""
        return replace(self, hidden=hidden, output=output)

    def arrays(self) -> Parameters:
        """As named arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Parameters) -> Self:
        """Reads what `arrays` gave.

        Raises:
            ApsiError: it is something else.
        """
        missing = [field.name for field in fields(cls) if field.name not in arrays]
        if missing:
            raise ApsiError(f"a model of a person lacks {', '.join(missing)}")
        return cls(**{field.name: np.asarray(arrays[field.name]) for field in fields(cls)})


def no_networks(columns: int) -> tuple[Floats, Floats]:
    """`hidden` and `output` of none."""
    return np.zeros((0, columns + 1, 0)), np.zeros((0, 0))
