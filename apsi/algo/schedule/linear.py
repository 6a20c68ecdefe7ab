"""A straight line."""

from dataclasses import dataclass

from apsi.algo.schedule.base import Fraction, Schedule


@dataclass(frozen=True)
class Linear(Schedule):
    """From 1 down to `final`."""

    final: Fraction

    def factor(self, done: float) -> float:
        return 1 + done * (self.final - 1)
