"""A straight line."""

from dataclasses import dataclass

from apsi.algo.schedule.base import Schedule
from apsi.types import Fraction


@dataclass(frozen=True)
class Linear(Schedule):
    """From 1 down to `final`."""

    final: Fraction

    def factor(self, done: float) -> float:
        return 1 + done * (self.final - 1)
