"""Proximal policy optimisation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from gymnasium.spaces import Box
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Network, prefer_likely
from apsi.types import Fraction


@dataclass(frozen=True)
class Ppo(Algo):
    """PPO (Schulman et al. 2017) of Stable-Baselines3."""

    n_steps: PositiveInt
    """steps of each environment between updates"""
    batch_size: PositiveInt
    n_epochs: PositiveInt
    gamma: Fraction
    gae_lambda: Fraction
    clip_range: NonNegativeFloat
    ent_coef: NonNegativeFloat
    vf_coef: NonNegativeFloat
    max_grad_norm: PositiveFloat
    log_std_init: float = field(default=0.0, kw_only=True)
    """of continuous actions: log of the standard deviation that each number is tried with at first"""

    model: ClassVar[Callable[..., BaseAlgorithm]] = PPO

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        arguments = super().arguments(env) | {"batch_size": min(self.batch_size, self.n_steps * env.num_envs)}
        arguments.pop("log_std_init")
        return arguments

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        spread = {"log_std_init": self.log_std_init} if isinstance(env.action_space, Box) else {}
        return super().policy_kwargs(env, network) | spread

    def prefer(self, model: Any, observations: Any) -> torch.Tensor | None:
        return prefer_likely(model, observations)
