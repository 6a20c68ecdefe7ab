"""s'^2 - s0^2 at the end: a point more is worth more on a good photo."""

from dataclasses import dataclass

from apsi.photo import Floats
from apsi.reward.stop_only import StopOnly


@dataclass(frozen=True)
class StopOnlyQuadratic(StopOnly):
    """s'^2 - s0^2 at the end: a point more is worth more on a good photo."""

    def gain(self, start: Floats, final: Floats) -> Floats:
        return final**2 - start**2
