"""Double deep Q-learning."""

from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3 import DQN
from torch.nn import functional

from apsi.algo.dqn import Dqn


class DoubleDQN(DQN):
    """Stable-Baselines3's DQN whose online network chooses the next action and whose target network values it.

    van Hasselt, Guez, Silver: "Deep Reinforcement Learning with Double Q-learning", 2016, equation 4.
    """

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = []
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)  # type: ignore[union-attr]  # made by then
            with torch.no_grad():
                best = self.q_net(batch.next_observations).argmax(dim=1, keepdim=True)
                following = self.q_net_target(batch.next_observations).gather(1, best)
                targets = batch.rewards + (1 - batch.dones) * self.gamma * following
            values = self.q_net(batch.observations).gather(1, batch.actions.long())
            loss = functional.smooth_l1_loss(values, targets)
            self.policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
            losses.append(loss.item())
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", float(np.mean(losses)))


@dataclass(frozen=True)
class DoubleDqn(Dqn):
    """DQN in which one network chooses the best action and another values it, against overestimation."""

    model = DoubleDQN
