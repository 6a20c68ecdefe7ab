"""Deep Q-learning."""

from dataclasses import dataclass

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Fraction, Network


@dataclass(frozen=True)
class Dqn(Algo):
    """DQN (Mnih et al. 2015) of Stable-Baselines3; steps are counted over all environments."""

    learning_rate: PositiveFloat
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
    net_arch: list[PositiveInt]

    def build(self, env: VecEnv, network: Network) -> DQN:
        return DQN(
            "CnnPolicy",
            env,
            learning_rate=self.learning_rate,
            buffer_size=self.buffer_size,
            learning_starts=self.learning_starts,
            batch_size=self.batch_size,
            gamma=self.gamma,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
            target_update_interval=self.target_update_interval,
            exploration_fraction=self.exploration_fraction,
            exploration_initial_eps=self.exploration_initial_eps,
            exploration_final_eps=self.exploration_final_eps,
            max_grad_norm=self.max_grad_norm,
            policy_kwargs=network.policy_kwargs(self.net_arch),
            device=network.device,
            seed=network.seed,
        )
