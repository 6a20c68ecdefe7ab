"""Adam with decoupled weight decay."""

from dataclasses import dataclass

from apsi.algo.optimizer.base import Optimizer, ScaledAdamW


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay, see `ScaledAdamW`."""

    kind = ScaledAdamW
