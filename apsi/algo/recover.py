"""Learning strengths, or which discrete actions to take, from the true photo."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Box, Discrete
from pydantic import PositiveFloat, PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from apsi.algo.ahead import own_photos
from apsi.algo.base import Network
from apsi.algo.full_information import FullInformation
from apsi.algo.nearer import NearerModel
from apsi.algo.true_photos import UNIT, TruePhotosModel, head
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.transform.action_set import ActionSet, DiscreteActions
from apsi.transform.differentiable import adjust, colour_difference, require_differentiable
from apsi.transform.parametric import ParametricActions
from apsi.types import Fraction

_GO_ON = 8
"""One of so many photos of a batch is edited again"""


class RecoverPolicy(BasePolicy):
    """Networks that set the strengths of all adjustments at once, and one that predicts what that brings.

    Several networks on the same features, of whose strengths the mean is taken, learn less of single photos by heart
    than one (bagging without drawing photos; Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017).
    """

    def __init__(
        self,
        observation_space: Any,
        action_space: Box,
        lr_schedule: Any,
        *,
        net_arch: list[int],
        names: list[str],
        reach: float,
        members: int,
        dropout: float,
        margin: float,
        **kwargs: Any,
    ) -> None:
        """Builds the networks; arguments as Stable-Baselines3 passes them, those of the actions, and of `Recover`."""
        super().__init__(observation_space, action_space, **kwargs)
        self.names, self.reach, self.margin = names, reach, margin
        self.features_extractor = self.make_features_extractor()
        n_features = self.features_extractor.features_dim
        self.strength_nets = nn.ModuleList(head(n_features, len(names), net_arch, dropout) for _ in range(members))
        has_stop = action_space.shape[0] > len(names)
        self.gain_net = head(n_features, 1, net_arch, dropout) if has_stop else None
        self.optimizer = self.optimizer_class(self.parameters(), lr_schedule(1), **self.optimizer_kwargs)

    def strengths_and_gain(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What every network says of observations `(n, 3, h, w)` `uint8`.

        Returns:
            Strengths `(members, n, k)` in [-1, 1], and by how much their mean is predicted to bring each photo nearer,
            in CIEDE2000, `(n,)`; None where there is no STOP.
        """
        features = self.extract_features(observations, self.features_extractor)
        strengths = torch.stack([torch.tanh(net(features)) for net in self.strength_nets])
        return strengths, None if self.gain_net is None else UNIT * self.gain_net(features)[:, 0]

    def edit(self, photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
        """Photos `(n, 3, h, w)` in [0, 1] after these strengths; gradients reach the strengths."""
        return adjust(photos, self.names, self.reach * strengths)

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        members, gain = self.strengths_and_gain(observation)
        strengths = members.mean(0)
        # above one half, which means STOP, where the gain is below the margin
        return strengths if gain is None else torch.cat([strengths, torch.sigmoid(self.margin - gain)[:, None]], 1)


class RecoverModel(TruePhotosModel):
    """Edits photos, and follows the gradient of the distance to the originals."""

    policy: RecoverPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": RecoverPolicy}
    spaces = (Box,)

    def _loss(self, photos: npt.NDArray[np.uint8], originals: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, Bools]:
        """Mean distance after each step, with the loss of the predicted gain; which photos came nearer, `(n,)`."""
        true = self._compared(torch.from_numpy(originals).to(self.device)).float() / 255
        now = torch.from_numpy(photos).to(self.device).float() / 255
        with torch.no_grad():
            first = colour_difference(self._compared(now), true)
        before, losses, nearer = first, [], torch.zeros_like(first, dtype=torch.bool)
        for step in range(self.steps):
            members, gain = self.policy.strengths_and_gain((255 * now).round().byte())
            many = len(members)
            edited = self.policy.edit(self._compared(now).repeat(many, 1, 1, 1), members.flatten(0, 1))
            losses.append(colour_difference(edited, true.repeat(many, 1, 1, 1)).mean())
            strengths = members.detach().mean(0)
            with torch.no_grad():
                after = colour_difference(self.policy.edit(self._compared(now), strengths), true)
            if gain is not None:
                losses[-1] = losses[-1] + ((gain - (before - after)) / UNIT).square().mean()
            nearer[: len(after)] = after < first[: len(after)]
            if step < self.steps - 1:  # editing whole photos takes long, so that few go on
                going = max(1, len(now) // _GO_ON)
                with torch.no_grad():
                    now = self.policy.edit(now[:going], strengths[:going])
                true, before = true[:going], after[:going]
        return torch.stack(losses).mean(), nearer.cpu().numpy()


@dataclass(frozen=True)
class Recover(FullInformation):
    """Degrades photos itself and learns edits that bring them back, by the distance in CIEDE2000 (self-supervised).

    Editing is differentiable (Hu et al., "Exposure", ACM Transactions on Graphics 37(2), 2018), so that the distance to
    the original tells every strength which way to go, and no reward has to be guessed from (distort-and-recover: Park,
    Lee, Yoo, Kweon, CVPR 2018). Minimising the expected distance holds back where a flaw can't be known. Of discrete
    actions all are tried, and how much nearer each brings the photo is regressed. The juror is needed for validation
    only.
    """

    steps: PositiveInt
    """edits of each photo, one after the other"""
    undegraded: Fraction
    """share of the photos that are not degraded, and to be left alone"""
    margin: PositiveFloat
    """STOP is right where a step is predicted to bring a photo nearer by no more, in CIEDE2000"""
    stride: PositiveInt
    """every so many pixels of every so many rows are compared"""
    members: PositiveInt
    """networks that set strengths, whose mean counts; of continuous actions"""
    dropout: Fraction
    updates: PositiveInt
    """between two checks of milestones"""

    action_spaces = (Box, Discrete)
    of_actions = ("strength_nets", "gain_net")

    @staticmethod
    def model(policy: str, env: VecEnv, **arguments: Any) -> BaseAlgorithm:
        """The model for the environment's actions: strengths, or the transforms of discrete ones."""
        kind = RecoverModel if isinstance(env.action_space, Box) else NearerModel
        return kind(policy, env, **arguments)

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        return {name: value for name, value in super().arguments(env).items() if name not in ("dropout", "members")}

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        assert isinstance(env, PhotoVecEnv)
        actions, own = env.core.actions, dict[str, Any](dropout=self.dropout, margin=self.margin)
        if isinstance(actions, DiscreteActions):
            own |= {"stop": actions.stop is not None}
        else:
            actions = _parametric(actions)
            require_differentiable(actions.names)
            own |= {"names": list(actions.names), "reach": actions.reach, "members": self.members}
        return super().policy_kwargs(env, network) | own

    def require_trainable(self, env: VecEnv) -> None:
        assert isinstance(env, PhotoVecEnv)
        own_photos(env.core.source, "recover")
        if env.core.objective.frames:
            raise ApsiError("algo=recover learns from true photos, which say nothing of env=crop: add algo=crop_ranker")


def _parametric(actions: ActionSet) -> ParametricActions:
    if not isinstance(actions, ParametricActions):
        raise ApsiError("algo=recover sets strengths: add transform=adjustments")
    return actions
