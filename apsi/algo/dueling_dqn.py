"""Dueling deep Q-learning."""

from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.dqn.policies import CnnPolicy, MultiInputPolicy, QNetwork
from torch import nn

from apsi.algo.double_dqn import DoubleDQN
from apsi.algo.dqn import Dqn


class DuelingQNetwork(QNetwork):
    """Value of the state plus advantage of each action, the mean advantage taken off.

    Wang et al.: "Dueling Network Architectures for Deep Reinforcement Learning", 2016, equation 9.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.value = nn.Sequential(*create_mlp(self.features_dim, 1, self.net_arch, self.activation_fn))

    def forward(self, obs: PyTorchObs) -> torch.Tensor:
        features = self.extract_features(obs, self.features_extractor)
        advantages: torch.Tensor = self.q_net(features)
        values: torch.Tensor = self.value(features)
        return values + advantages - advantages.mean(dim=1, keepdim=True)


class _Dueling:
    def make_q_net(self: Any) -> DuelingQNetwork:
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return DuelingQNetwork(**arguments).to(self.device)


class DuelingCnnPolicy(_Dueling, CnnPolicy):
    """For photos."""


class DuelingMultiInputPolicy(_Dueling, MultiInputPolicy):
    """For photos and extras."""


class DuelingDQN(DoubleDQN):
    """Double DQN with a dueling network."""

    policy_aliases = {"CnnPolicy": DuelingCnnPolicy, "MultiInputPolicy": DuelingMultiInputPolicy}  # noqa: RUF012 - as in SB3


@dataclass(frozen=True)
class DuelingDqn(Dqn):
    """Double DQN that tells how good a photo is apart from what each action adds to it."""

    model = DuelingDQN
