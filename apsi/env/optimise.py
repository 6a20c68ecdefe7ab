"""Making photos better than they are."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from apsi.env.base import Objective
from apsi.photo import Bools, Floats


@dataclass(frozen=True)
class Optimise(Objective):
    """A success is any gain; how far to go is the agent's choice, so it needs STOP. The better agent gains more."""

    best_by: ClassVar[str] = "mean_gain"
    achieved: ClassVar[str] = "improved"
    shows_cost: ClassVar[bool] = True

    def success(self, start: Floats, target: Floats, score: Floats) -> Bools:
        return score > start

    def reached(self, start: Floats, target: Floats, score: Floats) -> Bools:
        return np.zeros(len(score), dtype=bool)
