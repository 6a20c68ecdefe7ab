"""The optimizer contract: parameter groups for what is pretrained and for the rest."""

from abc import ABC
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

SCALE = "lr_scale"


@dataclass(frozen=True)
class Group:
    """What one parameter group holds, for people to read."""

    network: str
    group: str
    parameters: int
    trainable: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Optimizer(ABC):
    """Replaces the optimizers of a Stable-Baselines3 model by ones with the groups `backbone` and `head`.

    The backbone is what a feature extractor has under that name (a pretrained network); the head is all the rest.
    Stable-Baselines3 sets the scheduled learning rate on all groups; each group multiplies it by a factor of its own.
    """

    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    backbone_lr_scale: PositiveFloat
    """learning rate of the backbone, as a multiple of the head's"""
    backbone_weight_decay: NonNegativeFloat
    eps: PositiveFloat

    kind: ClassVar[Callable[..., torch.optim.Optimizer]]

    def attach(self, model: BaseAlgorithm) -> None:
        """Gives the model its optimizers, with all parameters that its own had."""
        for owner in _owners(model):
            owner.optimizer = type(self).kind(self._groups(owner), lr=self.learning_rate, eps=self.eps)

    def _groups(self, owner: Any) -> list[dict[str, Any]]:
        backbone = {id(p) for p in _backbone_parameters(owner)}
        mine = [p for group in owner.optimizer.param_groups for p in group["params"]]
        parts = {
            "backbone": ([p for p in mine if id(p) in backbone], self.backbone_lr_scale, self.backbone_weight_decay),
            "head": ([p for p in mine if id(p) not in backbone], 1.0, self.weight_decay),
        }
        return [
            {"params": parameters, "name": name, SCALE: scale, "weight_decay": decay}
            for name, (parameters, scale, decay) in parts.items()
            if parameters
        ]


def describe(model: BaseAlgorithm) -> list[Group]:
    """The parameter groups of a model's optimizers."""
    return [
        Group(
            type(owner).__name__,
            group["name"],
            sum(p.numel() for p in group["params"]),
            sum(p.numel() for p in group["params"] if p.requires_grad),
            group["lr"] * group[SCALE],
            group["weight_decay"],
        )
        for owner in _owners(model)
        for group in owner.optimizer.param_groups
    ]


def gradient_norm(model: BaseAlgorithm) -> float | None:
    """Mean norm of the gradients of the model's updates since the last call, before they were clipped."""
    norms = [norm for owner in _owners(model) for norm in owner.optimizer.take_norms()]
    return sum(norms) / len(norms) if norms else None


class _Scaled(torch.optim.Optimizer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._norms: list[torch.Tensor] = []
        self._fresh: dict[int, torch.Tensor] = {}
        """norm of each parameter's gradient as the backward pass left it: Stable-Baselines3 clips it before the step"""
        self._watched: set[int] = set()

    def zero_grad(self, set_to_none: bool = True) -> None:
        super().zero_grad(set_to_none)
        self._fresh.clear()
        for parameter in (p for group in self.param_groups for p in group["params"] if p.requires_grad):
            if id(parameter) not in self._watched:  # a frozen one can be watched only once it is free
                self._watched.add(id(parameter))
                parameter.register_post_accumulate_grad_hook(partial(_note_norm, self._fresh))

    def take_norms(self) -> list[float]:
        """Norm of the gradients of each step since the last call."""
        norms, self._norms = self._norms, []
        return [norm.item() for norm in norms]

    def step(self, closure: Any = None) -> Any:
        """One step, each group at its share of the learning rate."""
        if self._fresh:
            self._norms.append(torch.stack(list(self._fresh.values())).norm())
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] *= group[SCALE]
        try:
            return super().step(closure)
        finally:
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["lr"] = rate


def _note_norm(norms: dict[int, torch.Tensor], parameter: torch.Tensor) -> None:
    if parameter.grad is not None:
        norms[id(parameter)] = parameter.grad.norm()


class ScaledAdam(_Scaled, torch.optim.Adam):
    """Adam (Kingma, Ba 2015) whose groups have learning rates of their own."""


class ScaledAdamW(_Scaled, torch.optim.AdamW):
    """AdamW (Loshchilov, Hutter 2019), likewise."""


def _owners(model: Any) -> list[Any]:
    """Whatever has an optimizer: the policy, or the actor and critic of one that has several."""
    parts = [getattr(model.policy, name, None) for name in ("actor", "critic")]
    owners = [part for part in parts if getattr(part, "optimizer", None) is not None]
    return owners or [model.policy]


def _backbone_parameters(owner: nn.Module) -> Iterable[nn.Parameter]:
    for module in owner.modules():
        backbone = getattr(module, "backbone", None)
        if isinstance(backbone, nn.Module):
            yield from backbone.parameters()
