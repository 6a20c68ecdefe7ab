"""Advantage actor-critic."""

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from stable_baselines3 import A2C
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, prefer_likely
from apsi.types import Fraction


@dataclass(frozen=True)
class A2c(Algo):
    """A2C (Mnih et al. 2016) of Stable-Baselines3."""

    n_steps: PositiveInt
    """steps of each environment between updates"""
    gamma: Fraction
    gae_lambda: Fraction
    ent_coef: NonNegativeFloat
    vf_coef: NonNegativeFloat
    max_grad_norm: PositiveFloat

    model = A2C

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        return super().arguments(env) | {"use_rms_prop": False}  # the optimizer is apsi's

    def prefer(self, model: Any, observations: Any) -> torch.Tensor:
        return prefer_likely(model, observations)
