"""Soft actor-critic."""

from dataclasses import dataclass

from gymnasium.spaces import Box
from pydantic import NonNegativeInt, PositiveInt
from stable_baselines3 import SAC

from apsi.algo.base import Algo
from apsi.types import Fraction


@dataclass(frozen=True)
class Sac(Algo):
    """SAC (Haarnoja et al. 2018) of Stable-Baselines3, for continuous actions."""

    buffer_size: PositiveInt
    learning_starts: NonNegativeInt
    batch_size: PositiveInt
    tau: Fraction
    gamma: Fraction
    train_freq: PositiveInt
    """steps of each environment between updates"""
    gradient_steps: PositiveInt
    ent_coef: str
    """a number, or `auto`"""

    model = SAC
    action_spaces = (Box,)
