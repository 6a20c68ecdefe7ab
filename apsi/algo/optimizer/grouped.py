"""Torch's optimizers with a learning rate a group, steps over several batches, clipping and scaled gradients."""

import math
from typing import Any

import torch

BACKBONE, HEAD = "backbone", "head"
"""Names of the groups: what is pretrained, and the rest"""
SCALE = "lr_scale"
"""Of a group: its learning rate, as a multiple of the one that Stable-Baselines3 sets on all"""

_PENDING, _SCALER = "pending", "scaler"


class Grouped(torch.optim.Optimizer):
    """What apsi adds to an optimizer of torch; to be inherited from before it."""

    def __init__(
        self,
        *args: Any,
        max_norm: float = math.inf,
        accumulation: int = 1,
        scaler: torch.amp.GradScaler | None = None,
        **kwargs: Any,
    ) -> None:
        """Takes what the optimizer takes, and:

        Args:
            args: of the optimizer.
            max_norm: gradients of a step are clipped to this norm, all groups together.
            accumulation: calls of `step` that make one step, with the mean of their gradients.
            scaler: the gradients of the group `backbone` are a multiple of what they should be; it knows which.
            kwargs: of the optimizer.
        """
        super().__init__(*args, **kwargs)
        self.max_norm, self.accumulation, self.scaler = max_norm, accumulation, scaler
        self._pending = 0
        """batches whose gradients wait for the rest of their step"""
        self._norms: list[torch.Tensor] = []

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients, but those that wait for the rest of their step."""
        if not self._pending:
            super().zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        """One step after the last of its batches, each group at its share of the learning rate; else nothing."""
        self._pending += 1
        if self._pending < self.accumulation:
            return None
        self._pending = 0
        gradients = self._gradients()
        if self.accumulation > 1:
            for gradient in gradients:
                gradient.div_(self.accumulation)
        part = _Scaled(self)
        if self.scaler is None or not part.has_gradients:
            return self._clip_and_step(closure)
        self.scaler.unscale_(part)  # type: ignore[arg-type]  # it needs groups and `step` only
        result = self.scaler.step(part)  # type: ignore[arg-type]  # likewise; no step where a gradient overflowed
        self.scaler.update()
        return result

    def take_norms(self) -> list[float]:
        """Norm of the gradients of each step since the last call, before they were clipped."""
        norms, self._norms = self._norms, []
        return [norm.item() for norm in norms]

    def state_dict(self) -> dict[str, Any]:
        """With the gradients that wait, and the scale."""
        content = super().state_dict()
        if self._pending:
            gradients = [None if p.grad is None else p.grad.clone() for p in self._parameters()]
            content[_PENDING] = {"batches": self._pending, "gradients": gradients}
        if self.scaler is not None:
            content[_SCALER] = self.scaler.state_dict()
        return content

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on as the optimizer with this state would."""
        super().load_state_dict(state_dict)
        pending = state_dict.get(_PENDING, {"batches": 0, "gradients": [None] * len(self._parameters())})
        self._pending = int(pending["batches"])
        for parameter, gradient in zip(self._parameters(), pending["gradients"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter, copy=True)
        if self.scaler is not None and _SCALER in state_dict:
            self.scaler.load_state_dict(state_dict[_SCALER])

    def _clip_and_step(self, closure: Any = None) -> Any:
        if gradients := self._gradients():
            norm = torch.nn.utils.get_total_norm(gradients)
            torch.nn.utils.clip_grads_with_norm_(self._parameters(), self.max_norm, norm)
            self._norms.append(norm)
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] *= group[SCALE]
        try:
            return super().step(closure)
        finally:
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["lr"] = rate

    def _parameters(self) -> list[torch.Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def _gradients(self) -> list[torch.Tensor]:
        return [parameter.grad for parameter in self._parameters() if parameter.grad is not None]


class _Scaled:
    """The group of an optimizer whose gradients are scaled, for torch's `GradScaler`, with the step of all groups."""

    def __init__(self, whole: Grouped) -> None:
        self._whole = whole
        self.param_groups = [group for group in whole.param_groups if group["name"] == BACKBONE]

    @property
    def has_gradients(self) -> bool:
        return any(parameter.grad is not None for group in self.param_groups for parameter in group["params"])

    def step(self) -> Any:
        return self._whole._clip_and_step()  # noqa: SLF001 - the other half of it


class GroupedAdam(Grouped, torch.optim.Adam):
    """Adam (Kingma, Ba 2015)."""


class GroupedAdamW(Grouped, torch.optim.AdamW):
    """AdamW (Loshchilov, Hutter 2019)."""


class GroupedSGD(Grouped, torch.optim.SGD):
    """Stochastic gradient descent, with momentum as Sutskever et al. (2013) have it where `nesterov` says so."""
