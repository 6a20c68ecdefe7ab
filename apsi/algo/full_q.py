"""Q-learning from the outcome of every action."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveInt
from stable_baselines3.common.callbacks import BaseCallback
from torch.nn import functional

from apsi.algo.all_actions import AllActions, AllActionsModel
from apsi.algo.base import Fraction


class FullQModel(AllActionsModel):
    """Tries every action at each visited state and regresses all its Q-values on what came of them."""

    def __init__(
        self,
        *args: Any,
        gamma: float = 0.8,
        buffer_size: int = 1,
        learning_starts: int = 1,
        gradient_steps: int = 1,
        mirror: bool = True,
        exploration_initial_eps: float = 0.0,
        exploration_final_eps: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Takes what `AllActionsModel` takes, and:

        Args:
            args: of `AllActionsModel`.
            gamma: discount.
            buffer_size: states that are remembered with the values of their actions.
            learning_starts: states before the first update.
            gradient_steps: updates after each step of the environments.
            mirror: whether states are mirrored every other time, which no transform minds.
            exploration_initial_eps: share of random actions at the start of training.
            exploration_final_eps: and at its end.
            kwargs: of `AllActionsModel`.
        """
        self.gamma, self.buffer_size, self.learning_starts = gamma, buffer_size, learning_starts
        self.gradient_steps, self.mirror = gradient_steps, mirror
        self.eps = exploration_initial_eps, exploration_final_eps
        self._filled = self._next = 0
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()
        self._rng = np.random.default_rng(self.seed)
        n_actions = int(self.action_space.n)  # type: ignore[attr-defined]  # Discrete
        self._observations = np.zeros((self.buffer_size, *(self.observation_space.shape or ())), np.uint8)
        self._values = np.zeros((self.buffer_size, n_actions), np.float32)

    def _round(self, callback: BaseCallback) -> bool:
        core, env = self.core, self.env
        assert env is not None
        outlook = core.look_ahead()
        here = core.observe()
        assert isinstance(here, np.ndarray)
        following = self._best_values(outlook.observations)
        values = outlook.rewards + self.gamma * np.where(outlook.terminated, 0.0, following)
        self._remember(here, values)

        actions = self._q(here).argmax(axis=1)
        share = self.eps[1] + (self.eps[0] - self.eps[1]) * self._current_progress_remaining
        explores = self._rng.random(len(actions)) < share
        actions[explores] = self._rng.integers(values.shape[1], size=int(explores.sum()))
        _, _, dones, infos = env.step(actions)
        self._update_info_buffer(infos, dones)
        self.num_timesteps += env.num_envs
        callback.update_locals(locals())
        if not callback.on_step():
            return False
        if self._filled >= min(self.learning_starts, self.buffer_size):
            self.policy.set_training_mode(True)
            losses = [self._learn_from_memory() for _ in range(self.gradient_steps)]
            self.logger.record("train/loss", float(np.mean(losses)))
            self.logger.record("train/n_updates", self._n_updates)
            self.logger.record("rollout/exploration_rate", share)
        return True

    def _remember(self, observations: Any, values: Any) -> None:
        for observation, row in zip(observations, values, strict=True):
            self._observations[self._next], self._values[self._next] = observation, row
            self._next = (self._next + 1) % self.buffer_size
            self._filled = min(self._filled + 1, self.buffer_size)

    def _learn_from_memory(self) -> float:
        chosen = self._rng.integers(self._filled, size=self.batch_size)
        photos = self._observations[chosen]
        if self.mirror:
            flipped = self._rng.random(self.batch_size) < 0.5
            photos[flipped] = photos[flipped, :, :, ::-1]
        observations, _ = self.policy.obs_to_tensor(photos)
        targets = torch.from_numpy(self._values[chosen]).to(self.device)
        loss = functional.smooth_l1_loss(self.policy.q_net(observations), targets)
        self._descend(loss)
        return loss.item()

    def _best_values(self, observations: Any) -> Any:
        n, n_actions = observations.shape[:2]
        return self._q(observations.reshape(n * n_actions, *observations.shape[2:])).max(axis=1).reshape(n, n_actions)

    def _q(self, observations: Any) -> Any:
        self.policy.set_training_mode(False)
        with torch.no_grad():
            parts = np.array_split(observations, max(1, len(observations) // 512))
            return np.concatenate(
                [self.policy.q_net(self.policy.obs_to_tensor(part)[0]).cpu().numpy() for part in parts]
            )

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_observations", "_values", "_rng"]


@dataclass(frozen=True)
class FullQ(AllActions):
    """Full-information Q-learning: the environment is deterministic and the scores of all actions come in one batch.

    At every visited state each action is tried once, and all Q-values are fitted to the reward plus the discounted
    value of what follows. Where an ordinary algorithm learns one action's worth from a step, this learns all of them.
    """

    gamma: Fraction
    buffer_size: PositiveInt
    learning_starts: NonNegativeInt
    gradient_steps: PositiveInt
    exploration_initial_eps: Fraction
    exploration_final_eps: Fraction
    mirror: bool

    model = FullQModel
