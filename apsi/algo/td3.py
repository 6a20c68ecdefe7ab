"""Twin delayed deep deterministic policy gradient."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt
from stable_baselines3 import TD3
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo
from apsi.types import Fraction


@dataclass(frozen=True)
class Td3(Algo):
    """TD3 (Fujimoto et al. 2018) of Stable-Baselines3, for continuous actions, with Gaussian noise to explore."""

    buffer_size: PositiveInt
    learning_starts: NonNegativeInt
    batch_size: PositiveInt
    tau: Fraction
    gamma: Fraction
    train_freq: PositiveInt
    """steps of each environment between updates"""
    gradient_steps: PositiveInt
    policy_delay: PositiveInt
    noise: NonNegativeFloat
    """standard deviation of the noise added to actions"""

    model = TD3
    action_spaces = (Box,)

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        arguments = super().arguments(env)
        length = env.action_space.shape[0]  # type: ignore[index]  # a Box has one
        return arguments | {
            "action_noise": NormalActionNoise(np.zeros(length), np.full(length, arguments.pop("noise")))
        }
