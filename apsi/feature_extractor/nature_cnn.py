"""The network of the DQN paper."""

import gymnasium
import torch
from stable_baselines3.common.torch_layers import NatureCNN as SB3NatureCNN
from torch import nn

from apsi.types import Dropout


class NatureCnn(SB3NatureCNN):
    """Three convolutions and a linear layer (Mnih et al.: "Human-level control through deep RL", 2015)."""

    def __init__(self, observation_space: gymnasium.spaces.Box, features_dim: int, dropout: Dropout = 0.0) -> None:
        """Builds the layers.

        Args:
            observation_space: `(C, h, w)`; SB3 scales its `uint8` values to [0, 1] before they come here.
            features_dim: length of the feature vector.
            dropout: share of the features that are left out while learning, in [0, 1).
        """
        super().__init__(observation_space, features_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, C, h, w)` float in [0, 1] -> `(N, features_dim)`."""
        features: torch.Tensor = self.dropout(super().forward(observations))
        return features
