"""Bringing photos back to what they were, by the distance to the originals."""

from dataclasses import dataclass
from typing import ClassVar

from apsi.env.optimise import Optimise


@dataclass(frozen=True)
class Repair(Optimise):
    """As `Optimise`, but the better agent recovers more of the distance to the true photos, whatever the juror says."""

    best_by: ClassVar[str] = "recovered"
    by_truth: ClassVar[bool] = True
    shows_cost: ClassVar[bool] = False
