"""Lower when there is no progress."""

from dataclasses import dataclass, field

from pydantic import NonNegativeInt

from apsi.algo.schedule.base import Fraction, Schedule


@dataclass(frozen=True)
class Plateau(Schedule):
    """Multiplied by `gamma` whenever `patience` looks at the validation split in a row have found nothing better."""

    gamma: Fraction
    patience: NonNegativeInt
    final: Fraction
    """never below this"""
    _seen: list[float] = field(default_factory=list, init=False, repr=False, compare=False)

    def report(self, success_rate: float) -> None:
        self._seen.append(success_rate)

    def factor(self, done: float) -> float:
        factor, best, waited = 1.0, float("-inf"), 0
        for success_rate in self._seen:
            best, waited = (success_rate, 0) if success_rate > best else (best, waited + 1)
            if waited > self.patience:
                factor, waited = factor * self.gamma, 0
        return max(self.final, factor)
