"""Q-learning from the outcome of every action."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from apsi.algo.base import Fraction
from apsi.algo.tried import Tried, TriedModel
from apsi.env.core import Outlook
from apsi.photo import Floats


class FullQModel(TriedModel):
    """Regresses all Q-values of a visited state on what came of the actions."""

    def __init__(self, *args: Any, gamma: float = 0.8, **kwargs: Any) -> None:
        """Takes what `TriedModel` takes, and:

        Args:
            args: of `TriedModel`.
            gamma: discount.
            kwargs: of `TriedModel`.
        """
        self.gamma = gamma
        super().__init__(*args, **kwargs)

    def _lessons(self, outlook: Outlook) -> Floats:
        n, n_actions = outlook.rewards.shape
        photos = outlook.observations
        following = self._q(photos.reshape(n * n_actions, *photos.shape[2:])).max(axis=1).reshape(n, n_actions)
        values: Floats = outlook.rewards + self.gamma * np.where(outlook.terminated, 0.0, following)
        return values

    def _loss(self, photos: npt.NDArray[np.uint8], lessons: npt.NDArray[np.float32]) -> torch.Tensor:
        observations, _ = self.policy.obs_to_tensor(photos)
        return functional.smooth_l1_loss(self.policy.q_net(observations), torch.from_numpy(lessons).to(self.device))


@dataclass(frozen=True)
class FullQ(Tried):
    """Full-information Q-learning: the environment is deterministic and the scores of all actions come in one batch.

    At every visited state each action is tried once, and all Q-values are fitted to the reward plus the discounted
    value of what follows. Where an ordinary algorithm learns one action's worth from a step, this learns all of them.
    """

    gamma: Fraction

    model = FullQModel
