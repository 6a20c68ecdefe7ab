"""Lower when there is no progress."""

from dataclasses import dataclass, field

from pydantic import NonNegativeInt

from apsi.algo.schedule.base import Schedule
from apsi.types import Fraction


@dataclass(frozen=True)
class Plateau(Schedule):
    """Multiplied by `gamma` whenever `patience` validations in a row have found nothing better."""

    gamma: Fraction
    patience: NonNegativeInt
    final: Fraction
    """never below this"""
    _seen: list[float] = field(default_factory=list, init=False, repr=False, compare=False)

    def report(self, figure: float) -> None:
        self._seen.append(figure)

    def factor(self, done: float) -> float:
        factor, best, waited = 1.0, float("-inf"), 0
        for figure in self._seen:
            best, waited = (figure, 0) if figure > best else (best, waited + 1)
            if waited > self.patience:
                factor, waited = factor * self.gamma, 0
        return max(self.final, factor)
