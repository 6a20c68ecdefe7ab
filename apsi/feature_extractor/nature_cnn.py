"""The network of the DQN paper."""

import gymnasium
from stable_baselines3.common.torch_layers import NatureCNN as SB3NatureCNN


class NatureCnn(SB3NatureCNN):
    """Three convolutions and a linear layer (Mnih et al.: "Human-level control through deep RL", 2015)."""

    def __init__(self, observation_space: gymnasium.spaces.Box, features_dim: int) -> None:
        super().__init__(observation_space, features_dim)
