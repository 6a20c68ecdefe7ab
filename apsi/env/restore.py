"""Repairing degraded photos."""

from dataclasses import dataclass
from typing import ClassVar

from apsi.env.base import Objective
from apsi.photo import Bools, Floats


@dataclass(frozen=True)
class Restore(Objective):
    """The episode is over, and a success, once the photo scores as high as its undegraded original."""

    achieved: ClassVar[str] = "repaired"

    def success(self, start: Floats, target: Floats, score: Floats) -> Bools:
        return score >= target

    def reached(self, start: Floats, target: Floats, score: Floats) -> Bools:
        return score >= target
