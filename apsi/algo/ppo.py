"""Proximal policy optimisation."""

from dataclasses import dataclass

from stable_baselines3 import PPO
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Network


@dataclass(frozen=True)
class Ppo(Algo):
    """PPO (Schulman et al. 2017) of Stable-Baselines3; the learning rate falls linearly to `final_learning_rate`."""

    learning_rate: float
    final_learning_rate: float
    n_steps: int
    """steps of each environment between updates"""
    batch_size: int
    n_epochs: int
    gamma: float
    gae_lambda: float
    clip_range: float
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    net_arch: list[int]

    def build(self, env: VecEnv, network: Network) -> PPO:
        return PPO(
            "CnnPolicy",
            env,
            learning_rate=LinearSchedule(self.learning_rate, self.final_learning_rate, 1.0),
            n_steps=self.n_steps,
            batch_size=min(self.batch_size, self.n_steps * env.num_envs),
            n_epochs=self.n_epochs,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            clip_range=self.clip_range,
            ent_coef=self.ent_coef,
            vf_coef=self.vf_coef,
            max_grad_norm=self.max_grad_norm,
            policy_kwargs=network.policy_kwargs(self.net_arch),
            device=network.device,
            seed=network.seed,
        )
