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
from torch.nn import functional

from apsi.algo.ahead import own_photos
from apsi.algo.base import Network
from apsi.algo.full_information import FullInformation
from apsi.algo.nearer import NearerModel
from apsi.algo.true_photos import TruePhotosModel, head
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.transform.action_set import ActionSet, DiscreteActions
from apsi.transform.differentiable import adjust, colour_difference, require_differentiable
from apsi.transform.parametric import ParametricActions
from apsi.types import Fraction


class RecoverPolicy(BasePolicy):
    """A network that sets the strengths of all adjustments at once, and says whether to stop where there is STOP."""

    def __init__(
        self,
        observation_space: Any,
        action_space: Box,
        lr_schedule: Any,
        *,
        net_arch: list[int],
        names: list[str],
        reach: float,
        dropout: float,
        **kwargs: Any,
    ) -> None:
        """Builds the network; arguments as Stable-Baselines3 passes them, and those of the actions."""
        super().__init__(observation_space, action_space, **kwargs)
        self.names, self.reach = names, reach
        self.has_stop = action_space.shape[0] > len(names)
        self.features_extractor = self.make_features_extractor()
        self.strength_net = head(self.features_extractor.features_dim, action_space.shape[0], net_arch, dropout)
        self.optimizer = self.optimizer_class(self.parameters(), lr_schedule(1), **self.optimizer_kwargs)

    def strengths_and_stop(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Strengths `(n, k)` in [-1, 1], and the log-odds of STOP `(n,)`, of observations `(n, 3, h, w)` `uint8`."""
        out = self.strength_net(self.extract_features(observations, self.features_extractor))
        stop = out[:, -1] if self.has_stop else torch.full_like(out[:, 0], -torch.inf)
        return torch.tanh(out[:, : len(self.names)]), stop

    def edit(self, photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
        """Photos `(n, 3, h, w)` in [0, 1] after these strengths; gradients reach the strengths."""
        return adjust(photos, self.names, self.reach * strengths)

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        strengths, stop = self.strengths_and_stop(observation)
        return torch.cat([strengths, torch.sigmoid(stop)[:, None]], 1) if self.has_stop else strengths


class RecoverModel(TruePhotosModel):
    """Edits photos, and follows the gradient of the distance to the originals."""

    policy: RecoverPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": RecoverPolicy}
    spaces = (Box,)

    def _loss(self, photos: npt.NDArray[np.uint8], originals: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, Bools]:
        """Mean distance after each step, with the loss of STOP; and which photos came nearer, `(n,)`."""
        true = torch.from_numpy(originals).to(self.device).float() / 255
        now = torch.from_numpy(photos).to(self.device).float() / 255
        small = self._pooled(true)
        with torch.no_grad():
            first = before = colour_difference(self._pooled(now), small)
        loss = torch.zeros((), device=self.device)
        for _ in range(self.steps):
            strengths, stop = self.policy.strengths_and_stop((255 * now).round().byte())
            edited = self.policy.edit(self._pooled(now), strengths)
            after = colour_difference(edited, small)
            loss = loss + after.mean()
            if self.policy.has_stop:
                pointless = (after.detach() > before - self.margin).float()
                loss = loss + functional.binary_cross_entropy_with_logits(stop, pointless)
            before = after.detach()
            with torch.no_grad():
                now = self.policy.edit(now, strengths)
        return loss / self.steps, (before < first).cpu().numpy()


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
    """STOP is right where a step would bring a photo nearer by no more, in CIEDE2000"""
    pool: PositiveInt
    """side of the squares of pixels that count as one when photos are compared"""
    dropout: Fraction
    updates: PositiveInt
    """between two checks of milestones"""

    action_spaces = (Box, Discrete)

    @staticmethod
    def model(policy: str, env: VecEnv, **arguments: Any) -> BaseAlgorithm:
        """The model for the environment's actions: strengths, or the transforms of discrete ones."""
        kind = RecoverModel if isinstance(env.action_space, Box) else NearerModel
        return kind(policy, env, **arguments)

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        return {name: value for name, value in super().arguments(env).items() if name != "dropout"}

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        assert isinstance(env, PhotoVecEnv)
        height, width = env.core.objective.observation_size
        if self.pool > min(height, width):
            raise ApsiError(f"algo.pool={self.pool} leaves nothing of {height} x {width} pixels (env.observation_size)")
        actions, own = env.core.actions, dict[str, Any](dropout=self.dropout)
        if isinstance(actions, DiscreteActions):
            own |= {"margin": self.margin, "stop": actions.stop is not None}
        else:
            actions = _parametric(actions)
            require_differentiable(actions.names)
            own |= {"names": list(actions.names), "reach": actions.reach}
        return super().policy_kwargs(env, network) | own

    def require_trainable(self, env: VecEnv) -> None:
        assert isinstance(env, PhotoVecEnv)
        own_photos(env.core.source, "recover")


def _parametric(actions: ActionSet) -> ParametricActions:
    if not isinstance(actions, ParametricActions):
        raise ApsiError("algo=recover sets strengths: add transform=adjustments")
    return actions
