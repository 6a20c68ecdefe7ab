"""Q-learning from the outcome of every action."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveInt
from torch.nn import functional

from apsi.algo.outcome_replay import OutcomeReplay, OutcomeReplayModel, Rows
from apsi.algo.q_learner import record_values
from apsi.env.core import Lookahead
from apsi.photo import Ints
from apsi.types import Fraction

_PART = 512  # photos that are valued together


class FullQModel(OutcomeReplayModel):
    """Regresses all Q-values of a visited state on what came of the actions.

    The photos after all actions are remembered, too, so that the target network can value them anew: at every update,
    one outcome of each state that is learned from. All of them would cost many times more; this way, a value is about
    as old as it takes to learn from a state once for each action.
    """

    def __init__(self, *args: Any, gamma: float = 0.8, target_update_interval: int = 100, **kwargs: Any) -> None:
        """Takes what `OutcomeReplayModel` takes, and:

        Args:
            args: of `OutcomeReplayModel`.
            gamma: discount.
            target_update_interval: updates after which the target network becomes like the one that learns.
            kwargs: of `OutcomeReplayModel`.
        """
        self.gamma, self.target_update_interval = gamma, target_update_interval
        super().__init__(*args, **kwargs)

    def _empty_memory(self) -> Rows:
        n = self._n_actions
        return {
            "rewards": self._room(n),
            "terminated": self._room(n, dtype=np.bool_),
            "following": self._room(n, *(self.observation_space.shape or ()), dtype=np.uint8),
            "values": self._room(n),
        }

    def _outcomes(self, lookahead: Lookahead) -> Rows:
        photos = lookahead.observations
        return {
            "rewards": lookahead.rewards,
            "terminated": lookahead.terminated,
            "following": photos,
            "values": self._values(photos.reshape(-1, *photos.shape[2:])).reshape(lookahead.rewards.shape),
        }

    def _values(self, photos: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """What the target network expects from photos `(n, 3, h, w)` on, `(n,)`."""
        network = self.policy.q_net_target
        with torch.no_grad():
            parts = [photos[i : i + _PART] for i in range(0, len(photos), _PART)]
            values = [network(self.policy.obs_to_tensor(part)[0]).amax(dim=1).cpu().numpy() for part in parts]
        return np.concatenate(values)

    def _loss(self, photos: npt.NDArray[np.uint8], chosen: Ints, same: Ints) -> torch.Tensor:
        self._refresh(chosen)
        terminated, values = self._memory["terminated"][chosen], self._memory["values"][chosen]
        targets = self._memory["rewards"][chosen] + self.gamma * np.where(terminated, 0, values)
        targets = np.take_along_axis(targets, same, axis=1)
        observations, _ = self.policy.obs_to_tensor(photos)
        predicted = self.policy.q_net(observations)
        record_values(self.logger, predicted.detach())
        return functional.smooth_l1_loss(predicted, torch.from_numpy(targets).to(self.device))

    def _refresh(self, chosen: Ints) -> None:
        """Values one outcome of each of these states anew, drawn from those after which the episode goes on."""
        drawn = self._rng.random((len(chosen), self._n_actions))
        actions = np.where(self._memory["terminated"][chosen], -1, drawn).argmax(axis=1)
        self._memory["values"][chosen, actions] = self._values(self._memory["following"][chosen, actions])

    def _learn_from_memory(self) -> float:
        loss = super()._learn_from_memory()
        if self._n_updates % self.target_update_interval == 0:
            self.policy.q_net_target.load_state_dict(self.policy.q_net.state_dict())
        return loss


@dataclass(frozen=True)
class FullQ(OutcomeReplay):
    """Full-information Q-learning: the environment is deterministic and the scores of all actions come in one batch.

    At every visited state each action is tried once, and all Q-values are fitted to the reward plus the discounted
    value of what follows. Where an ordinary algorithm learns one action's value from a step, this learns all of them.
    A remembered state takes one observation more for every action: 184 kB with 14 actions at 64 x 64 pixels.
    """

    gamma: Fraction
    target_update_interval: PositiveInt = 100  # checkpoints of earlier versions have none

    model = FullQModel
