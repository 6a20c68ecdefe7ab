"""Deep Q-learning."""

from dataclasses import dataclass

from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Network


@dataclass(frozen=True)
class Dqn(Algo):
    """DQN (Mnih et al. 2015) of Stable-Baselines3; steps are counted over all environments."""

    learning_rate: float
    buffer_size: int
    learning_starts: int
    batch_size: int
    gamma: float
    train_freq: int
    """steps of each environment between updates"""
    gradient_steps: int
    target_update_interval: int
    exploration_fraction: float
    exploration_initial_eps: float
    exploration_final_eps: float
    max_grad_norm: float
    net_arch: list[int]

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
