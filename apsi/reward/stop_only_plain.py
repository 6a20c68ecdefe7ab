"""s' - s0 at the end."""

from dataclasses import dataclass

from apsi.photo import Floats
from apsi.reward.stop_only import StopOnly


@dataclass(frozen=True)
class StopOnlyPlain(StopOnly):
    """s' - s0 at the end."""

    def gain(self, start: Floats, final: Floats) -> Floats:
        return final - start
