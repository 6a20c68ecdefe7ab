"""No change."""

from dataclasses import dataclass

from apsi.algo.schedule.base import Schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate all along."""

    def factor(self, done: float) -> float:
        return 1.0
