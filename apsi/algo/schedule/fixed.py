"""Schedules that are known before training begins."""

import math
from dataclasses import dataclass

from apsi.algo.schedule.base import Schedule
from apsi.types import Fraction


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate all along."""

    def factor(self, done: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Linear(Schedule):
    """From 1 down to `final`."""

    final: Fraction

    def factor(self, done: float) -> float:
        return 1 + done * (self.final - 1)


@dataclass(frozen=True)
class Step(Schedule):
    """Multiplied by `gamma` at each of the `milestones`, which are shares of training."""

    milestones: list[Fraction]
    gamma: Fraction

    def factor(self, done: float) -> float:
        return self.gamma ** sum(done >= milestone for milestone in self.milestones)


@dataclass(frozen=True)
class WarmupCosine(Schedule):
    """Rises linearly during the share `warmup` of training, holds until `hold`, then falls to `final` as a cosine does.

    Loshchilov, Hutter: "SGDR", 2017, equation 5, without restarts.
    """

    warmup: Fraction
    hold: Fraction
    final: Fraction

    def factor(self, done: float) -> float:
        if done < self.warmup:
            return max(done / self.warmup, 0.01)
        begins = max(self.warmup, self.hold)
        if done <= begins:
            return 1.0
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * (done - begins) / (1 - begins))) / 2
