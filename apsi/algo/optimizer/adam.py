"""Adam."""

from dataclasses import dataclass

from apsi.algo.optimizer.base import Optimizer, ScaledAdam


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, see `ScaledAdam`."""

    kind = ScaledAdam
