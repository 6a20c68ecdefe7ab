"""Schedules that are known before training begins."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from apsi.algo.schedule.base import Schedule, ramp
from apsi.errors import ApsiError
from apsi.types import Fraction

_WARMUP = 0.1


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
    """Rises linearly during the warm-up, holds until `hold`, then falls to `final` as a cosine does.

    Loshchilov, Hutter: "SGDR", 2017, equation 5, without restarts.
    """

    warmup: Fraction | None
    """share of training; None: `warmup_steps`, or a tenth"""
    hold: Fraction
    """share of training; where the warm-up is longer, the cosine begins at its end"""
    final: Fraction

    def __post_init__(self) -> None:
        if self.warmup is not None and self.warmup_steps is not None:
            raise ApsiError(
                f"algo.schedule.warmup={self.warmup:g} (a share of training) and warmup_steps={self.warmup_steps} are "
                "two lengths of the warm-up: leave one out, or add algo.schedule.warmup=null"
            )

    def warmed_up(self, steps: int) -> Callable[[float], float]:
        if self.warmup_steps is None:
            return self.factor
        return replace(self, warmup=min(1.0, self.warmup_steps / steps), warmup_steps=None).factor

    def factor(self, done: float) -> float:
        warmup = _WARMUP if self.warmup is None else self.warmup
        if done < warmup:
            return ramp(done, warmup)
        begins = max(warmup, self.hold)
        if done <= begins:
            return 1.0
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * (done - begins) / (1 - begins))) / 2
