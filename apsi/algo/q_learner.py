"""Q-learning with the parts of Rainbow, each by itself or together."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Dict
from stable_baselines3 import DQN
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.noisy import noise
from apsi.algo.q_network import QCnnPolicy, QMultiInputPolicy
from apsi.algo.replay import Batch, DictReplay, Replay


@dataclass(frozen=True)
class Parts:
    """What a `QLearner` does in another way than DQN; what its network is stands in the arguments of its policy."""

    double: bool = False
    """the online network chooses the next action, the target network values it (van Hasselt, Guez, Silver: "Deep
    Reinforcement Learning with Double Q-learning", 2016, equation 4)"""
    n_steps: int = 1
    """of returns"""
    priority_alpha: float | None = None
    """of prioritised replay; None: transitions are drawn alike"""
    priority_beta: float = 0.4
    """at the start of training; 1 at its end"""
    is_noisy: bool = False
    """the network's noise explores instead of random actions"""
    exploration_decay: float | None = None
    """factor of the share of random actions after every episode; None: that falls linearly"""


class QLearner(DQN):
    """Stable-Baselines3's DQN, and what Hessel et al.: "Rainbow", 2018, add to it."""

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "CnnPolicy": QCnnPolicy,
        "MultiInputPolicy": QMultiInputPolicy,
    }
    replay_buffer: Any

    def __init__(
        self, policy: str, env: VecEnv | None, *, parts: Parts = Parts(), gamma: float = 0.99, **kwargs: Any
    ) -> None:
        """Takes what Stable-Baselines3 takes, and the parts; `env` is None where it loads a model."""
        self.parts = parts
        remembers_extras = env is not None and isinstance(env.observation_space, Dict)
        super().__init__(
            policy,
            env,  # type: ignore[arg-type]  # as its own `load` does
            gamma=gamma,
            replay_buffer_class=DictReplay if remembers_extras else Replay,
            replay_buffer_kwargs={"n_steps": parts.n_steps, "gamma": gamma, "alpha": parts.priority_alpha},
            **kwargs,
        )

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        if self.replay_buffer.priorities is not None:
            beta, done = self.parts.priority_beta, 1 - self._current_progress_remaining
            self.replay_buffer.priorities.beta = beta + (1 - beta) * min(1.0, max(0.0, done))
        losses = []
        for _ in range(gradient_steps):
            loss, values = self._descend(self.replay_buffer.sample(batch_size))
            losses.append(loss)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", float(np.mean(losses)))
        record_values(self.logger, values)

    def _descend(self, batch: Batch) -> tuple[float, torch.Tensor]:
        """One update; the loss before it, and the Q-values of all actions, `(B, A)`."""
        network: Any = self.q_net
        target_network: Any = self.q_net_target
        of_return = network.of_return
        rows = torch.arange(len(batch.actions), device=self.device)
        with noise(network, target_network):
            with torch.no_grad():
                following = target_network.returns(batch.next_observations)
                values = network(batch.next_observations) if self.parts.double else of_return.mean(following)
                best = following[rows, values.argmax(dim=1)]
                targets = of_return.targets(best, batch.rewards, (1 - batch.dones) * batch.discounts)
            outputs: torch.Tensor = network.returns(batch.observations)
        chosen = outputs[rows, batch.actions[:, 0].long()]
        losses = of_return.losses(chosen, targets)
        loss = (losses if batch.weights is None else batch.weights * losses).mean()
        self.policy.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        with torch.no_grad():
            self.replay_buffer.update(of_return.errors(chosen, targets))
            return float(loss.item()), of_return.mean(outputs)

    def predict(
        self,
        observation: npt.NDArray[Any] | dict[str, npt.NDArray[Any]],
        state: tuple[npt.NDArray[Any], ...] | None = None,
        episode_start: npt.NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[npt.NDArray[Any], tuple[npt.NDArray[Any], ...] | None]:
        if deterministic:
            return super().predict(observation, state, episode_start, deterministic)
        with noise(self.q_net):
            return super().predict(observation, state, episode_start, deterministic)

    def _on_step(self) -> None:
        super()._on_step()
        if self.parts.is_noisy:
            self.exploration_rate = 0.0
        elif self.parts.exploration_decay is not None:
            decayed = self.exploration_initial_eps * self.parts.exploration_decay**self._episode_num
            self.exploration_rate = max(self.exploration_final_eps, decayed)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)


def record_values(logger: Any, values: torch.Tensor) -> None:
    """Records mean, standard deviation and maximum of the Q-values `(B, A)` of all actions of a batch."""
    logger.record("train/q_mean", values.mean().item())
    logger.record("train/q_std", values.std(correction=0).item())
    logger.record("train/q_max", values.max().item())
