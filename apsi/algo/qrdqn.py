"""Deep Q-learning of the distribution of returns."""

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import PositiveInt
from sb3_contrib import QRDQN
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Network
from apsi.algo.dqn import Dqn


@dataclass(frozen=True)
class Qrdqn(Dqn):
    """Quantile-regression DQN (Dabney et al. 2018) of sb3-contrib."""

    n_quantiles: PositiveInt

    model = QRDQN

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        arguments = super().arguments(env)
        arguments.pop("n_quantiles")
        return arguments

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        return super().policy_kwargs(env, network) | {"n_quantiles": self.n_quantiles}

    def prefer(self, model: Any, observations: Any) -> torch.Tensor:
        quantiles: torch.Tensor = model.policy.quantile_net(observations)
        return quantiles.mean(dim=1)
