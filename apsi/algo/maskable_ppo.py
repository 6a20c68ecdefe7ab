"""Proximal policy optimisation with actions masked."""

from dataclasses import dataclass
from typing import Any

import torch
from gymnasium.spaces import Discrete
from sb3_contrib import MaskablePPO

from apsi.algo.base import prefer_likely
from apsi.algo.ppo import Ppo


@dataclass(frozen=True)
class MaskablePpo(Ppo):
    """PPO of sb3-contrib that never undoes its last action while it learns (Huang and Ontañón 2022)."""

    model = MaskablePPO
    action_spaces = (Discrete,)

    def prefer(self, model: Any, observations: Any) -> torch.Tensor:
        return prefer_likely(model, observations)
