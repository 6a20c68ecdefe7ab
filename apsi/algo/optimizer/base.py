"""The optimizer contract: parameter groups for what is pretrained and for the rest."""

import math
from abc import ABC
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from apsi.algo.optimizer.accumulation import require_accumulable, spread_normalisation
from apsi.algo.optimizer.grouped import BACKBONE, HEAD, SCALE
from apsi.errors import ApsiError
from apsi.feature_extractor.pretrained import Pretrained

_BACKBONE_SCALE = 0.1


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
    backbone_lr_scale: PositiveFloat | None
    """learning rate of the backbone, as a multiple of the head's; None: `lr_backbone`, or a tenth"""
    backbone_weight_decay: NonNegativeFloat
    lr_head: PositiveFloat | None = field(default=None, kw_only=True)
    """learning rate of the head, in the place of `learning_rate`"""
    lr_backbone: PositiveFloat | None = field(default=None, kw_only=True)
    """learning rate of the backbone, in the place of `backbone_lr_scale`"""
    gradient_accumulation: PositiveInt = field(default=1, kw_only=True)
    """batches whose mean gradient makes one step"""

    kind: ClassVar[Callable[..., torch.optim.Optimizer]]

    def __post_init__(self) -> None:
        if self.lr_backbone is not None and self.backbone_lr_scale is not None:
            raise ApsiError(
                f"algo.optimizer.lr_backbone={self.lr_backbone:g} and backbone_lr_scale={self.backbone_lr_scale:g} are "
                "two learning rates of the backbone: leave one out, or add algo.optimizer.backbone_lr_scale=null"
            )

    @property
    def rate(self) -> float:
        """Learning rate of the head, which the schedule multiplies."""
        return self.learning_rate if self.lr_head is None else self.lr_head

    @property
    def backbone_scale(self) -> float:
        """Learning rate of the backbone as a multiple of it."""
        if self.lr_backbone is not None:
            return self.lr_backbone / self.rate
        return _BACKBONE_SCALE if self.backbone_lr_scale is None else self.backbone_lr_scale

    def arguments(self) -> dict[str, Any]:
        """What torch's optimizer takes beside parameters, learning rates and weight decay."""
        return {}

    def attach(self, model: BaseAlgorithm) -> None:
        """Gives the model its optimizers, with all parameters that its own had.

        They clip gradients themselves, to the model's `max_grad_norm`, after all batches of a step; what
        Stable-Baselines3 would clip after each of them stays as it is.

        Raises:
            ApsiError: gradients can't be accumulated, or not be scaled on this device.
        """
        owners = _owners(model)
        if self.gradient_accumulation > 1:
            require_accumulable(model, self.gradient_accumulation, len(owners))
            spread_normalisation(model, self.gradient_accumulation)
        for owner in owners:
            owner.optimizer = type(self).kind(
                self._groups(owner),
                lr=self.rate,
                **self.arguments(),
                max_norm=getattr(model, "max_grad_norm", math.inf),
                accumulation=self.gradient_accumulation,
                scaler=_scaler_for(owner, model.device),
            )
        if hasattr(model, "max_grad_norm"):
            model.max_grad_norm = math.inf

    def _groups(self, owner: Any) -> list[dict[str, Any]]:
        backbone = {id(p) for p in _backbone_parameters(owner)}
        mine = [p for group in owner.optimizer.param_groups for p in group["params"]]
        parts = {
            BACKBONE: ([p for p in mine if id(p) in backbone], self.backbone_scale, self.backbone_weight_decay),
            HEAD: ([p for p in mine if id(p) not in backbone], 1.0, self.weight_decay),
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
    """Mean norm of the gradients of the model's steps since the last call, before they were clipped."""
    norms = [norm for owner in _owners(model) for norm in owner.optimizer.take_norms()]
    return sum(norms) / len(norms) if norms else None


def loss_scale(model: BaseAlgorithm) -> float | None:
    """By what gradients of a backbone in float16 are multiplied; None where none is."""
    scalers = [owner.optimizer.scaler for owner in _owners(model) if owner.optimizer.scaler is not None]
    return min(scaler.get_scale() for scaler in scalers) if scalers else None


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


def _scaler_for(owner: nn.Module, device: torch.device) -> torch.amp.GradScaler | None:
    """One for all extractors below that compute in float16, which then use it; None where there are none."""
    found = [module for module in owner.modules() if isinstance(module, Pretrained) and module.needs_scaling]
    if not found:
        return None
    if device.type not in ("cpu", "cuda"):
        raise ApsiError(
            f"feature_extractor.amp=float16 needs scaled gradients, which torch has for CUDA and the CPU, not for "
            f"{device.type}: add feature_extractor.amp=bfloat16, or device=cpu for an agent that was trained so"
        )
    scaler = torch.amp.GradScaler(device.type)
    for extractor in found:
        extractor.scaler = scaler
    return scaler
