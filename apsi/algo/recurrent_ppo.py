"""Proximal policy optimisation with a memory."""

from dataclasses import dataclass
from typing import Any

from pydantic import PositiveInt
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Network
from apsi.algo.ppo import Ppo


@dataclass(frozen=True)
class RecurrentPpo(Ppo):
    """PPO of sb3-contrib with an LSTM, which remembers what it has done and seen in an episode."""

    lstm_hidden_size: PositiveInt

    model = RecurrentPPO
    policy = "LstmPolicy"

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        arguments = super().arguments(env)
        arguments.pop("lstm_hidden_size")
        return arguments

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        return super().policy_kwargs(env, network) | {"lstm_hidden_size": self.lstm_hidden_size}

    prefer = Algo.prefer  # what it prefers depends on its memory
