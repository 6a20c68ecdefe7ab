"""Adam, with weight decay in its gradients or apart from them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import PositiveFloat

from apsi.algo.optimizer.base import Optimizer
from apsi.algo.optimizer.grouped import GroupedAdam, GroupedAdamW


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, see `GroupedAdam`."""

    eps: PositiveFloat

    kind: ClassVar[Callable[..., torch.optim.Optimizer]] = GroupedAdam

    def arguments(self) -> dict[str, Any]:
        return {"eps": self.eps}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay, see `GroupedAdamW`."""

    kind = GroupedAdamW
