"""Stochastic gradient descent."""

from dataclasses import dataclass
from typing import Any

from apsi.algo.optimizer.base import Optimizer
from apsi.algo.optimizer.grouped import GroupedSGD
from apsi.errors import ApsiError
from apsi.types import Fraction


@dataclass(frozen=True)
class Sgd(Optimizer):
    """Gradient descent with momentum, see `GroupedSGD`; it needs learning rates ten to a hundred times Adam's."""

    momentum: Fraction
    nesterov: bool

    kind = GroupedSGD

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise ApsiError("algo.optimizer.nesterov=true needs momentum: add algo.optimizer.momentum=0.9")

    def arguments(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov}
