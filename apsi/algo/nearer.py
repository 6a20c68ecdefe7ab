"""Learning which discrete actions bring a photo nearer to the true one."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from stable_baselines3.common.policies import BasePolicy
from torch.nn import functional

from apsi.algo.true_photos import UNIT, TruePhotosModel, head
from apsi.env.edit_state import EditState, observe
from apsi.photo import Bools
from apsi.transform.differentiable import colour_difference


class NearerPolicy(BasePolicy):
    """A network that predicts by how much each transform brings a photo nearer to its original."""

    def __init__(
        self,
        observation_space: Any,
        action_space: Discrete,
        lr_schedule: Any,
        *,
        net_arch: list[int],
        dropout: float,
        margin: float,
        stop: bool,
        **kwargs: Any,
    ) -> None:
        """Builds the network; arguments as Stable-Baselines3 passes them, and what STOP is worth if there is one."""
        super().__init__(observation_space, action_space, **kwargs)
        self.margin, self.has_stop = margin, stop
        self.features_extractor = self.make_features_extractor()
        self.gain_net = head(self.features_extractor.features_dim, int(action_space.n) - stop, net_arch, dropout)
        self.optimizer = self.optimizer_class(self.parameters(), lr_schedule(1), **self.optimizer_kwargs)

    def gains(self, observations: torch.Tensor) -> torch.Tensor:
        """CIEDE2000 that each of T transforms takes away, `(n, T)`, of observations `(n, 3, h, w)` `uint8`."""
        predicted: torch.Tensor = self.gain_net(self.extract_features(observations, self.features_extractor))
        return UNIT * predicted

    def values(self, gains: torch.Tensor) -> torch.Tensor:
        """What the actions are worth `(n, A)`: their gains, and the margin for STOP."""
        return functional.pad(gains, (0, 1), value=self.margin) if self.has_stop else gains

    def q_net(self, observations: torch.Tensor) -> torch.Tensor:
        """The same of observations."""
        return self.values(self.gains(observations))

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        return self.q_net(observation).argmax(dim=1)


class _Tried(NamedTuple):
    """Photos and what every transform makes of them."""

    states: list[EditState]
    seen: npt.NDArray[np.uint8]
    """`(n, 3, h, w)`"""
    compared: torch.Tensor
    """the pixels that count of the photo and the outcomes of the T transforms, `(n, 1 + T, 3, ., .)` in [0, 1]"""


class NearerModel(TruePhotosModel):
    """Tries every transform on a photo and regresses how much nearer to the original each brings it.

    Squared errors make the predictions expected values, which are small where a flaw can't be told: there the agent
    stops. (Minimising the expected distance under a softmax of the actions, tried instead, ended in STOP for all photos
    or in one mild edit.) It learns from the photos after its own edits, too, until it stops.
    """

    policy: NearerPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": NearerPolicy}

    def _given(self, states: Sequence[EditState]) -> _Tried:
        photos = observe([each for state in states for each in (state, *state.outcomes())])
        photos = photos.reshape(len(states), -1, *photos.shape[1:])
        compared = torch.stack([self._pixels(row) for row in photos])
        return _Tried(list(states), np.ascontiguousarray(photos[:, 0]), compared)

    def _pixels(self, photos: npt.NDArray[np.uint8]) -> torch.Tensor:
        return self._compared(torch.from_numpy(photos)).float() / 255

    def _loss(self, given: _Tried, originals: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, Bools]:
        """Mean squared error of the predicted gains in all states, and which photos came nearer, `(n,)`."""
        true, going = self._pixels(originals), np.arange(len(originals))
        start, nearer = torch.empty(0), np.zeros(len(originals), bool)
        losses = []
        for step in range(self.steps):
            distances = self._distances(given.compared, true[going])
            start = start if step else distances[:, 0]
            gains = distances[:, :1] - distances[:, 1:]
            predicted = self.policy.gains(torch.from_numpy(given.seen).to(self.device))
            losses.append(((predicted - gains) / UNIT).square().mean(1))
            actions = self.policy.values(predicted.detach()).argmax(1).cpu().numpy()
            edits = np.flatnonzero(actions < gains.shape[1])
            after, edited = distances[edits, 1 + actions[edits]], going[edits]
            nearer[edited] = (after < start[edited]).cpu().numpy()
            if step == self.steps - 1 or not len(edits):
                break
            given, going = self._given([given.states[i].apply(actions[i]) for i in edits]), edited
        return torch.cat(losses).mean(), nearer

    def _distances(self, photos: torch.Tensor, originals: torch.Tensor) -> torch.Tensor:
        """Distances of k versions of n photos, `(n, k, 3, ., .)`, from their originals, `(n, k)`."""
        n, k = photos.shape[:2]
        pairs = (each.to(self.device) for each in (photos.flatten(0, 1), originals.repeat_interleave(k, dim=0)))
        return colour_difference(*pairs).reshape(n, k)
