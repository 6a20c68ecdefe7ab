"""Learning what the juror says of a photo, and looking one edit ahead with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from pydantic import NonNegativeFloat, PositiveInt
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import create_mlp
from torch import nn
from torch.nn import functional

from apsi.algo.tried import Tried, TriedModel
from apsi.env.core import Outlook
from apsi.photo import Floats
from apsi.transform.action_set import DiscreteActions, require_discrete
from apsi.transform.base import Transform


class AfterstatePolicy(BasePolicy):
    """A network that foretells the score of a photo; an action is worth what it foretells of the edited photo.

    The edits are made on the observation, so the agent still sees nothing else and asks no juror.
    """

    actions: DiscreteActions
    """set by the model"""

    def __init__(
        self, observation_space: Any, action_space: Discrete, lr_schedule: Any, net_arch: list[int], **kwargs: Any
    ) -> None:
        """Builds the network; arguments as Stable-Baselines3 passes them."""
        super().__init__(observation_space, action_space, **kwargs)
        self.features_extractor = self.make_features_extractor()
        self.score_net = nn.Sequential(*create_mlp(self.features_extractor.features_dim, 1, net_arch))
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def scores(self, photos: torch.Tensor) -> torch.Tensor:
        """Foretold scores `(n,)` in [0, 10] of observations `(n, 3, h, w)`."""
        features = self.extract_features(photos, self.features_extractor)
        return 10 * torch.sigmoid(self.score_net(features)[:, 0])

    def q_net(self, observations: torch.Tensor) -> torch.Tensor:
        """Foretold gain of each action `(n, A)`; 0 for STOP."""
        photos = edited(observations.cpu().numpy(), self.actions.transforms)
        n, n_transforms = photos.shape[:2]
        flat = np.concatenate([observations.cpu().numpy(), photos.reshape(-1, *photos.shape[2:])])
        parts = np.array_split(flat, 1 + len(flat) // 256)
        scores = torch.cat([self.scores(self.obs_to_tensor(part)[0]) for part in parts])
        gains = scores[n:].reshape(n, n_transforms) - scores[:n, None]
        return gains if self.actions.stop is None else functional.pad(gains, (0, 1))

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        return self.q_net(observation).argmax(dim=1)


class AfterstateModel(TriedModel):
    """Fits foretold scores to what the juror says of visited photos and of what every action makes of them."""

    policy: AfterstatePolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": AfterstatePolicy}

    def __init__(self, *args: Any, actions_per_state: int = 1, difference_weight: float = 1.0, **kwargs: Any) -> None:
        """Takes what `TriedModel` takes, and:

        Args:
            args: of `TriedModel`.
            actions_per_state: edits of each remembered photo that an update looks at, drawn anew every time.
            difference_weight: weight of what an edit changes beside the score itself in the loss.
            kwargs: of `TriedModel`.
        """
        self.actions_per_state, self.difference_weight = actions_per_state, difference_weight
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()
        self.policy.actions = self._actions

    @property
    def _actions(self) -> DiscreteActions:
        return require_discrete(self.core.actions, "algo=afterstate")

    @property
    def _lesson_size(self) -> int:
        return 1 + len(self._actions.transforms)

    def _lessons(self, outlook: Outlook) -> Floats:
        return np.column_stack([self.core.scores, outlook.scores[:, : self._lesson_size - 1]])

    def _loss(self, photos: npt.NDArray[np.uint8], lessons: npt.NDArray[np.float32]) -> torch.Tensor:
        transforms = self._actions.transforms
        k = min(self.actions_per_state, len(transforms))
        drawn = self._rng.permuted(np.tile(np.arange(len(transforms)), (len(photos), 1)), axis=1)[:, :k]
        shown = np.stack(
            [edited(p[None], [transforms[a] for a in row])[0] for p, row in zip(photos, drawn, strict=True)]
        )
        shown = np.concatenate([photos[:, None], shown], axis=1)  # (B, 1 + k, 3, h, w)
        said = np.take_along_axis(lessons, np.column_stack([np.zeros(len(photos), int), drawn + 1]), axis=1)
        truth = torch.from_numpy(said).to(self.device)
        tensors, _ = self.policy.obs_to_tensor(shown.reshape(-1, *photos.shape[1:]))
        foretold = self.policy.scores(tensors).reshape(truth.shape)
        change, true_change = foretold[:, 1:] - foretold[:, :1], truth[:, 1:] - truth[:, :1]
        beside = functional.smooth_l1_loss(change, true_change, beta=0.3)
        return functional.smooth_l1_loss(foretold, truth) + self.difference_weight * beside


def edited(observations: npt.NDArray[np.uint8], transforms: Sequence[Transform]) -> npt.NDArray[np.uint8]:
    """Observations `(n, 3, h, w)` after each transform, `(n, T, 3, h, w)`."""
    photos = [np.ascontiguousarray(observation.transpose(1, 2, 0)) for observation in observations]
    after = [[transform(photo).transpose(2, 0, 1) for transform in transforms] for photo in photos]
    return np.array(after, np.uint8)


@dataclass(frozen=True)
class Afterstate(Tried):
    """Learns what the juror says of a photo (the value of an afterstate: Sutton, Barto, "Reinforcement Learning",
    section 6.8) and takes the edit whose outcome it thinks best.

    One network says how any photo scores, and the agent makes the edits on what it sees, so every scored outcome of
    every action teaches the same thing. It learns the score itself, whatever the reward.
    """

    actions_per_state: PositiveInt
    difference_weight: NonNegativeFloat

    model = AfterstateModel
    policy = "Policy"
