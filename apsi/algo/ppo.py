"""Proximal policy optimisation."""

from dataclasses import dataclass

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from stable_baselines3 import PPO
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Fraction, Network


@dataclass(frozen=True)
class Ppo(Algo):
    """PPO (Schulman et al. 2017) of Stable-Baselines3; the learning rate falls linearly to `final_learning_rate`."""

    learning_rate: PositiveFloat
    final_learning_rate: NonNegativeFloat
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
    net_arch: list[PositiveInt]

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
