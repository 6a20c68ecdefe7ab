"""From a model's own scale to scores from 0 (worst) to 10 (best)."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from apsi.errors import ApsiError
from apsi.installation import command
from apsi.juror.base import SCORE_MAX
from apsi.photo import Floats


class Mapping(Protocol):
    """Monotone; decreasing where lower native values are better."""

    def __call__(self, values: Floats) -> Floats: ...

    fitted_so: ClassVar[str]
    """Where `fitted` puts the values, as a half sentence"""

    @classmethod
    def fitted(cls, values: Floats, higher_is_better: bool) -> Self:
        """One for a model that gives such values `(N,)`, which are not all the same."""


@dataclass(frozen=True)
class Linear:
    """`worst` becomes 0, `best` becomes 10, what lies outside is clipped. `worst > best` where lower is better."""

    fitted_so: ClassVar[str] = "of all pictures 5 % score below 1 and 5 % above 9"

    worst: float | None
    best: float | None

    def __post_init__(self) -> None:
        if self.worst is not None and self.worst == self.best:
            raise ApsiError(f"a mapping needs two different ends, worst and best are both {self.best}")

    def __call__(self, values: Floats) -> Floats:
        worst, best = _known(self.worst), _known(self.best)
        mapped = (values - worst) / (best - worst) * SCORE_MAX
        return np.clip(mapped, 0, SCORE_MAX)  # NaN stays NaN

    @classmethod
    def fitted(cls, values: Floats, higher_is_better: bool) -> Self:
        low, high = _quantiles(values, 0.05, 0.95)
        point = (high - low) / 8
        ends = _rounded(low - point, point), _rounded(high + point, point)
        return cls(*(ends if higher_is_better else reversed(ends)))


@dataclass(frozen=True)
class Logistic:
    """10 / (1 + exp(-(x - centre) / scale)): strictly monotone for a score without bounds, such as a logit.

    A negative `scale` is for scores where lower is better.
    """

    fitted_so: ClassVar[str] = "a quarter of all pictures scores below 2.5 and a quarter above 7.5"

    centre: float | None
    scale: float | None

    def __post_init__(self) -> None:
        if self.scale == 0:
            raise ApsiError("a logistic mapping needs a scale other than 0")

    def __call__(self, values: Floats) -> Floats:
        x = (values - _known(self.centre)) / _known(self.scale)
        with np.errstate(over="ignore"):  # exp overflows to infinity, the score to exactly 0
            return SCORE_MAX / (1 + np.exp(-x))

    @classmethod
    def fitted(cls, values: Floats, higher_is_better: bool) -> Self:
        low, high = _quantiles(values, 0.25, 0.75)
        scale = (high - low) / (2 * np.log(3))
        sign = 1 if higher_is_better else -1
        return cls(_rounded((low + high) / 2, scale), sign * _rounded(scale, scale))


def unset(mapping: Mapping) -> list[str]:
    """The values of a mapping that nobody has given."""
    return [name for name, value in vars(mapping).items() if value is None]


def _known(value: float | None) -> float:
    if value is None:
        raise ApsiError(f"juror.mapping has no values: {command()} task=calibrate_juror proposes them")
    return value


def _quantiles(values: Floats, low: float, high: float) -> tuple[float, float]:
    ends = np.quantile(values, [low, high])
    if ends[0] == ends[1]:  # most are the same
        ends = np.array([values.min(), values.max()])
    return float(ends[0]), float(ends[1])


def _rounded(value: float, scale: float) -> float:
    """To a hundredth of the scale's leading digit: what differs in rounding alone reads the same."""
    return round(float(value), 2 - int(np.floor(np.log10(abs(scale)))))
