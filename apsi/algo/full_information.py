"""Learning from all actions of a state at once: what the models that do have in common."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from gymnasium.spaces import Dict, Discrete, Space
from pydantic import PositiveFloat, PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import MaybeCallback
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import CnnPolicy

from apsi.algo.base import Algo, Network, prefer_valuable
from apsi.env.core import EditCore
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError


class FullInformationModel(BaseAlgorithm):
    """A Stable-Baselines3 model with a Q-network, one output an action, that reads the editing core."""

    policy: Any
    """with `q_net`: observations -> `(n, A)`"""
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "CnnPolicy": CnnPolicy,
    }

    spaces: ClassVar[tuple[type[Space[Any]], ...]] = (Discrete,)

    def __init__(
        self,
        policy: str,
        env: VecEnv | None,
        learning_rate: float | Callable[[float], float] = 1e-3,
        *,
        batch_size: int = 128,
        max_grad_norm: float = 1.0,
        _init_setup_model: bool = True,
        **kwargs: Any,
    ) -> None:
        """Takes what Stable-Baselines3 takes, and:

        Args:
            policy: `CnnPolicy`.
            env: the editing environment; None for a model that is only to act.
            learning_rate: or its schedule, of the share of training that remains.
            batch_size: states an update.
            max_grad_norm: norm that gradients are clipped to.
            _init_setup_model: whether to build the networks, as in SB3.
            kwargs: arguments of `BaseAlgorithm`.
        """
        super().__init__(
            policy, env, learning_rate, supported_action_spaces=self.spaces, support_multi_env=True, **kwargs
        )
        self.batch_size, self.max_grad_norm = batch_size, max_grad_norm
        self._n_updates = 0
        if _init_setup_model:
            self._setup_model()

    @property
    def core(self) -> EditCore:
        """The editing core of the environment."""
        env = self.env
        if not isinstance(env, PhotoVecEnv):
            raise ApsiError(f"{type(self).__name__} learns in apsi's own environment, not in {type(env).__name__}")
        return env.core

    def learn(  # noqa: PLR0917 - as Stable-Baselines3 has it
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 1,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        total, callback = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        callback.on_training_start(locals(), globals())
        try:
            going = True
            while going and self.num_timesteps < total:
                callback.on_rollout_start()  # where callbacks look at what the round before has recorded
                self._dump()
                self._update_current_progress_remaining(self.num_timesteps, total)
                self.policy.set_training_mode(True)
                self._update_learning_rate(self.policy.optimizer)
                going = self._round(callback)
                self._record_episodes()
                callback.on_rollout_end()
        finally:
            self._finish()
        callback.on_training_end()
        self._dump()
        return self

    @abstractmethod
    def _round(self, callback: BaseCallback) -> bool:
        """Some states more, some updates more; False when the callback wants to end."""

    def _dump(self) -> None:
        if self.logger.name_to_value:
            self.logger.dump(self.num_timesteps)

    def _record_episodes(self) -> None:
        if self.ep_info_buffer:
            self.logger.record("rollout/ep_rew_mean", float(np.mean([info["r"] for info in self.ep_info_buffer])))
            self.logger.record("rollout/ep_len_mean", float(np.mean([info["l"] for info in self.ep_info_buffer])))
        if self.ep_success_buffer:
            self.logger.record("rollout/success_rate", float(np.mean(self.ep_success_buffer)))

    def _finish(self) -> None:
        """Releases what learning needed."""

    def _descend(self, loss: torch.Tensor) -> None:
        self.policy.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        self._n_updates += 1

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        made = self.policy_class(self.observation_space, self.action_space, self.lr_schedule, **self.policy_kwargs)
        self.policy = made.to(self.device)

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "policy.optimizer"], []


@dataclass(frozen=True)
class FullInformation(Algo):
    """What the hyperparameters of such models have in common."""

    batch_size: PositiveInt
    max_grad_norm: PositiveFloat

    action_spaces: ClassVar[tuple[type[Space[Any]], ...]] = (Discrete,)

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        if isinstance(env.observation_space, Dict):
            extras = sorted(set(env.observation_space) - {"photo"})
            raise ApsiError(f"algo {type(self).__name__} sees photos only: env.extras={extras} must be []")
        return super().policy_kwargs(env, network)

    def prefer(self, model: Any, observations: Any) -> torch.Tensor:
        return prefer_valuable(model, observations)
