"""Warm-up, then half a cosine."""

import math
from dataclasses import dataclass

from apsi.algo.schedule.base import Schedule
from apsi.types import Fraction


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
