"""Layers that explore by noise which they learn themselves."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional


class NoisyLinear(nn.Module):
    """A linear layer whose weights and biases have factorised Gaussian noise with learned standard deviations.

    Fortunato et al.: "Noisy Networks for Exploration", 2018, equations 9 to 11. The noise is drawn anew at every pass,
    and for every row of a batch by itself, which factorised noise allows at the cost of a second product: environments
    that are stepped together explore apart from each other. Without `noise` around it, it is an ordinary layer.
    """

    def __init__(self, in_features: int, out_features: int, std: float) -> None:
        """Makes the layer.

        Args:
            in_features: length of a row that it takes.
            out_features: of a row that it gives.
            std: initial standard deviation of the noise, times the root of `in_features`.
        """
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound))
        self.weight_std = nn.Parameter(torch.full((out_features, in_features), std * bound))
        self.bias_std = nn.Parameter(torch.full((out_features,), std * bound))
        self.is_noisy = False

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """`(N, in_features)` -> `(N, out_features)`."""
        mean = functional.linear(rows, self.weight, self.bias)
        if not self.is_noisy:
            return mean
        scaled = functional.linear(rows * _noise_like(rows), self.weight_std) + self.bias_std
        return mean + _noise_like(mean) * scaled

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


@contextmanager
def noise(*modules: nn.Module) -> Iterator[None]:
    """Within the block the noisy layers of these modules are noisy."""
    layers = [layer for module in modules for layer in module.modules() if isinstance(layer, NoisyLinear)]
    for layer in layers:
        layer.is_noisy = True
    try:
        yield
    finally:
        for layer in layers:
            layer.is_noisy = False


def _noise_like(values: torch.Tensor) -> torch.Tensor:
    """f(e) = sgn(e) sqrt(|e|) of standard normal numbers e."""
    drawn = torch.randn_like(values)
    return drawn.sign() * drawn.abs().sqrt()
