"""Deep Q-learning."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from gymnasium.spaces import Discrete
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.algo.base import Algo, prefer_valuable
from apsi.types import Fraction


@dataclass(frozen=True)
class Dqn(Algo):
    """DQN (Mnih et al. 2015) of Stable-Baselines3; steps are counted over all environments."""

    buffer_size: PositiveInt
    learning_starts: NonNegativeInt
    batch_size: PositiveInt
    gamma: Fraction
    train_freq: PositiveInt
    """steps of each environment between updates"""
    gradient_steps: PositiveInt
    target_update_interval: PositiveInt
    exploration_fraction: Fraction
    exploration_initial_eps: Fraction
    exploration_final_eps: Fraction
    max_grad_norm: PositiveFloat

    model: ClassVar[Callable[..., BaseAlgorithm]] = DQN
    action_spaces = (Discrete,)

    def prefer(self, model: Any, observations: Any) -> torch.Tensor:
        return prefer_valuable(model, observations)
