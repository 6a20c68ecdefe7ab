"""A small convolutional network with group normalisation."""

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from apsi.types import Dropout


class SmallCnn(BaseFeaturesExtractor):
    """A 4x4 convolution of stride 4, then 3x3 ones of stride 2, each with GroupNorm and ReLU, and one linear layer.

    Group normalisation does not depend on the batch, so the network acts on one photo as it was trained on many.
    """

    def __init__(
        self, observation_space: gymnasium.spaces.Box, channels: list[int], features_dim: int, dropout: Dropout = 0.0
    ) -> None:
        """Builds the layers.

        Args:
            observation_space: `(C, h, w)`; SB3 scales its `uint8` values to [0, 1] before they come here.
            channels: output channels of each convolution, multiples of 8.
            features_dim: length of the feature vector.
            dropout: share of the features that are left out while learning, in [0, 1).
        """
        super().__init__(observation_space, features_dim)
        layers: list[nn.Module] = []
        before = observation_space.shape[0]
        for i, after in enumerate(channels):
            convolution = (
                nn.Conv2d(before, after, 3, stride=2, padding=1) if i else nn.Conv2d(before, after, 4, stride=4)
            )
            layers += [convolution, nn.GroupNorm(8, after), nn.ReLU()]
            before = after
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            flat = self.convolutions(torch.zeros(1, *observation_space.shape)).shape[1]
        self.head = nn.Sequential(nn.Linear(flat, features_dim), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, C, h, w)` float in [0, 1] -> `(N, features_dim)`."""
        features: torch.Tensor = self.head(self.convolutions(observations))
        return features
