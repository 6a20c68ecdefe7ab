"""Deep Q-learning, and the parts of Rainbow that can be added to it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from gymnasium.spaces import Discrete
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Network, prefer_valuable
from apsi.algo.q_learner import Parts, QLearner
from apsi.algo.returns import Categorical, Mean, Quantiles, Returns
from apsi.errors import ApsiError
from apsi.types import Fraction, PositiveFraction

_OF_SB3 = (
    *("buffer_size", "learning_starts", "batch_size", "gamma", "train_freq", "gradient_steps"),
    *("target_update_interval", "exploration_fraction", "exploration_initial_eps", "exploration_final_eps"),
)


@dataclass(frozen=True)
class Dqn(Algo):
    """DQN (Mnih et al. 2015) of Stable-Baselines3; steps are counted over all environments.

    The settings from `loss` on are what Rainbow (Hessel et al. 2018) and others add to it. They have defaults here, as
    checkpoints of earlier versions have none of them.
    """

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
    max_grad_norm: PositiveFloat | None
    """None: gradients are not clipped"""
    exploration_decay: PositiveFraction | None = None
    loss: Literal["huber", "mse"] = "huber"
    double: bool = False
    dueling: bool = False
    n_steps: PositiveInt = 1
    prioritized: bool = False
    priority_alpha: Fraction = 0.5
    priority_beta: Fraction = 0.4
    noisy: bool = False
    noisy_std: PositiveFloat = 0.5
    distribution: Literal["categorical", "quantile"] | None = None
    n_atoms: PositiveInt = 51
    v_min: float = -10.0
    v_max: float = 10.0
    n_quantiles: PositiveInt = 50

    model: ClassVar[Callable[..., BaseAlgorithm]] = QLearner
    action_spaces = (Discrete,)

    def __post_init__(self) -> None:
        if self.loss != "huber" and self.distribution is not None:
            raise ApsiError(
                f"algo.loss={self.loss} is a loss of values, and algo.distribution={self.distribution} has one of its "
                "own: leave one of them out"
            )
        if self.distribution == "categorical" and (self.n_atoms < 2 or not self.v_min < self.v_max):
            raise ApsiError(
                f"algo.n_atoms={self.n_atoms} returns from algo.v_min={self.v_min:g} to algo.v_max={self.v_max:g} make "
                "no distribution: give at least 2, and v_min below v_max"
            )
        if self.noisy and self.exploration_decay is not None:
            raise ApsiError(
                f"algo.exploration_decay={self.exploration_decay:g} is of random actions, of which there are none with "
                "algo.noisy=true: leave one of them out"
            )

    @property
    def returns(self) -> Returns:
        """What the network says of actions."""
        if self.distribution == "categorical":
            return Categorical(self.v_min, self.v_max, self.n_atoms)
        return Quantiles(self.n_quantiles) if self.distribution else Mean(self.loss == "mse")

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        parts = Parts(
            double=self.double,
            n_steps=self.n_steps,
            priority_alpha=self.priority_alpha if self.prioritized else None,
            priority_beta=self.priority_beta,
            is_noisy=self.noisy,
            exploration_decay=self.exploration_decay,
        )
        limit = math.inf if self.max_grad_norm is None else self.max_grad_norm
        return {name: getattr(self, name) for name in _OF_SB3} | {"max_grad_norm": limit, "parts": parts}

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        return super().policy_kwargs(env, network) | {
            "returns": self.returns,
            "dueling": self.dueling,
            "noisy_std": self.noisy_std if self.noisy else None,
        }

    def prefer(self, model: Any, observations: Any) -> torch.Tensor:
        return prefer_valuable(model, observations)
