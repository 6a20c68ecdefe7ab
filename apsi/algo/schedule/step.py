"""Steps."""

from dataclasses import dataclass

from apsi.algo.schedule.base import Schedule
from apsi.types import Fraction


@dataclass(frozen=True)
class Step(Schedule):
    """Multiplied by `gamma` at each of the `milestones`, which are shares of training."""

    milestones: list[Fraction]
    gamma: Fraction

    def factor(self, done: float) -> float:
        return self.gamma ** sum(done >= milestone for milestone in self.milestones)
