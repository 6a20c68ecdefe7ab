"""What a Q-network says of the return of an action: its mean, its distribution over fixed values, or its quantiles."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch.nn import functional


class Returns(ABC):
    """Reads K outputs an action."""

    size: int
    """K"""

    @abstractmethod
    def mean(self, outputs: torch.Tensor) -> torch.Tensor:
        """`(..., K)` -> Q-values `(...)`."""

    def targets(self, following: torch.Tensor, rewards: torch.Tensor, discounts: torch.Tensor) -> torch.Tensor:
        """What is to be predicted.

        Args:
            following: outputs for the best next action, `(B, K)`.
            rewards: `(B, 1)`.
            discounts: of what follows, 0 where nothing does, `(B, 1)`.
        """
        return rewards + discounts * following

    @abstractmethod
    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of outputs `(B, K)` for targets `(B, K)`: `(B,)`."""

    @abstractmethod
    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """How much there is to learn of each, by which they are prioritised: `(B,)`, at least 0."""


@dataclass(frozen=True)
class Mean(Returns):
    """The mean alone, fitted to what the rewards and the target network say."""

    is_squared: bool = False
    """whether the loss is the squared error; else Huber's, which grows linearly from 1 on"""
    size: int = 1

    def mean(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs[..., 0]

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = functional.mse_loss if self.is_squared else functional.smooth_l1_loss
        return loss(outputs, targets, reduction="none")[:, 0]

    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs - targets)[:, 0].abs()


@dataclass(frozen=True)
class Categorical(Returns):
    """Probabilities of `size` evenly spaced returns from `low` to `high`, as logits.

    Bellemare, Dabney, Munos: "A Distributional Perspective on Reinforcement Learning", 2017, algorithm 1 (C51). A
    return outside counts as the nearest one inside.
    """

    low: float
    high: float
    size: int

    def _support(self, like: torch.Tensor) -> torch.Tensor:
        return torch.linspace(self.low, self.high, self.size, device=like.device)

    def mean(self, outputs: torch.Tensor) -> torch.Tensor:
        return (torch.softmax(outputs, dim=-1) * self._support(outputs)).sum(dim=-1)

    def targets(self, following: torch.Tensor, rewards: torch.Tensor, discounts: torch.Tensor) -> torch.Tensor:
        """Probabilities `(B, K)`: those of `following`, each moved to where its return is now and shared between its
        neighbours there.
        """
        moved = (rewards + discounts * self._support(following)).clamp(self.low, self.high)
        place = (moved - self.low) * ((self.size - 1) / (self.high - self.low))
        atoms = torch.arange(self.size, device=place.device)
        shares = (1 - (place[:, None, :] - atoms[:, None]).abs()).clamp(min=0)
        return (shares @ torch.softmax(following, dim=-1)[:, :, None])[:, :, 0]

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return -(targets * torch.log_softmax(outputs, dim=-1)).sum(dim=-1)

    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Kullback-Leibler divergence, as in Rainbow (Hessel et al. 2018)."""
        entropy = -torch.xlogy(targets, targets).sum(dim=-1)
        return (self.losses(outputs, targets) - entropy).clamp(min=0)


@dataclass(frozen=True)
class Quantiles(Returns):
    """The means of `size` equal shares of the returns.

    Dabney, Rowland, Bellemare, Munos: "Distributional Reinforcement Learning with Quantile Regression", 2018, equation
    10.
    """

    size: int

    def mean(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.mean(dim=-1)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        shares = (torch.arange(self.size, device=outputs.device) + 0.5) / self.size
        differences = targets[:, None, :] - outputs[:, :, None]
        huber = functional.smooth_l1_loss(differences, torch.zeros_like(differences), reduction="none")
        sides = (shares[:, None] - (differences.detach() < 0).float()).abs()
        return (sides * huber).sum(dim=1).mean(dim=1)

    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.losses(outputs, targets)
