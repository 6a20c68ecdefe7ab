"""Steps."""

from dataclasses import dataclass

from apsi.algo.schedule.base import Fraction, Schedule


@dataclass(frozen=True)
class Step(Schedule):
    """Multiplied by `gamma` at each of the `milestones`, which are shares of training."""

    milestones: list[Fraction]
    gamma: Fraction

    def factor(self, done: float) -> float:
        return self.gamma ** sum(done >= milestone for milestone in self.milestones)
