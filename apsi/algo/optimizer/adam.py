"""Adam, with weight decay in its gradients or apart from them."""

from dataclasses import dataclass

from apsi.algo.optimizer.base import Optimizer, ScaledAdam, ScaledAdamW


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, see `ScaledAdam`."""

    kind = ScaledAdam


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay, see `ScaledAdamW`."""

    kind = ScaledAdamW
