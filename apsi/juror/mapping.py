"""From a model's own scale to scores from 0 (worst) to 10 (best)."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Floats


class Mapping(Protocol):
    """Monotone; where a low native value is the better one it falls."""

    def __call__(self, values: Floats) -> Floats: ...


@dataclass(frozen=True)
class Linear:
    """`worst` becomes 0, `best` becomes 10, what lies outside is clipped. `worst > best` where lower is better."""

    worst: float
    best: float

    def __post_init__(self) -> None:
        if self.worst == self.best:
            raise ApsiError(f"a mapping needs two different ends, worst and best are both {self.best}")

    def __call__(self, values: Floats) -> Floats:
        mapped = (values - self.worst) / (self.best - self.worst) * 10
        return np.clip(mapped, 0, 10)  # NaN stays NaN


@dataclass(frozen=True)
class Logistic:
    """10 / (1 + exp(-(x - centre) / scale)): strictly monotone for a score without bounds, such as a logit.

    A negative `scale` is for scores where lower is better.
    """

    centre: float
    scale: float

    def __post_init__(self) -> None:
        if self.scale == 0:
            raise ApsiError("a logistic mapping needs a scale other than 0")

    def __call__(self, values: Floats) -> Floats:
        x = (values - self.centre) / self.scale
        with np.errstate(over="ignore"):  # exp overflows to infinity, the score to exactly 0
            return 10 / (1 + np.exp(-x))
