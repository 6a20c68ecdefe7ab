"""Learning strengths from the true photo."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Box
from pydantic import PositiveFloat, PositiveInt
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.vec_env import VecEnv
from torch import nn
from torch.nn import functional

from apsi.algo.ahead import Ahead, own_photos
from apsi.algo.base import Network
from apsi.algo.full_information import FullInformation, FullInformationModel
from apsi.env.edit_state import observe
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.state import State, generator, generator_state
from apsi.transform.action_set import ActionSet
from apsi.transform.differentiable import adjust, colour_difference, require_differentiable
from apsi.transform.parametric import ParametricActions
from apsi.types import Fraction

_Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Bools, State]


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
        layers = create_mlp(self.features_extractor.features_dim, action_space.shape[0], net_arch)
        last = layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # at first it changes nothing
        nn.init.zeros_(last.bias)
        self.strength_net = nn.Sequential(nn.Dropout(dropout), *layers[:-1], nn.Dropout(dropout), last)
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


class RecoverModel(FullInformationModel):
    """Degrades photos itself, edits them, and follows the gradient of the distance to the originals.

    To the source of episodes each photo is an episode, a success where the last edit left it nearer than it was given.
    """

    policy: RecoverPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": RecoverPolicy}
    spaces = (Box,)

    def __init__(
        self, *args: Any, steps: int = 2, undegraded: float = 0.3, margin: float = 0.1, updates: int = 1, **kwargs: Any
    ) -> None:
        """Takes what `FullInformationModel` takes, and:

        Args:
            args: of `FullInformationModel`.
            steps: edits of each photo, one after the other.
            undegraded: share of the photos that are not degraded.
            margin: STOP is right where a step would bring a photo nearer by no more, in CIEDE2000.
            updates: of the networks between two checks of milestones.
            kwargs: of `FullInformationModel`.
        """
        self.steps, self.undegraded, self.margin, self.updates = steps, undegraded, margin, updates
        self._batches: Ahead | None = None
        super().__init__(*args, **kwargs)

    def _round(self, callback: BaseCallback) -> bool:
        source = self.core.source
        losses, nearer = [], []
        for _ in range(self.updates):
            if self._batches is None:
                ahead = copy.copy(source)
                ahead.restore(source.state())  # the thread has random numbers of its own, some batches ahead
                self._batches = Ahead(self._photos(ahead))
            photos, originals, degraded, numbers = self._batches.next()
            source.rng = generator(numbers)  # where they stand after the batches that were learned from
            loss, success = self._loss(photos, originals)
            self._descend(loss)
            losses.append(loss.item())
            nearer += success[degraded].tolist()
            self.ep_success_buffer.extend(success[degraded].tolist())  # type: ignore[union-attr]  # made by then
            if source.on_episode_end(success[degraded]):
                self._finish()  # what was made ahead is of the old kind
            self.num_timesteps += len(photos)
            if not callback.on_step():
                return False
        self.logger.record("train/loss", float(np.mean(losses)))
        self.logger.record("train/nearer", float(np.mean(nearer)) if nearer else 0.0)
        self.logger.record("train/n_updates", self._n_updates)
        return True

    def _loss(self, photos: npt.NDArray[np.uint8], originals: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, Bools]:
        """Mean distance after each step, with the loss of STOP; and which photos came nearer, `(n,)`."""
        true = torch.from_numpy(originals).to(self.device).float() / 255
        now = torch.from_numpy(photos).to(self.device).float() / 255
        with torch.no_grad():
            first = before = colour_difference(now, true)
        loss = torch.zeros((), device=self.device)
        for _ in range(self.steps):
            strengths, stop = self.policy.strengths_and_stop((255 * now).round().byte())
            edited = self.policy.edit(now, strengths)
            after = colour_difference(edited, true)
            loss = loss + after.mean()
            if self.policy.has_stop:
                pointless = (after.detach() > before - self.margin).float()
                loss = loss + functional.binary_cross_entropy_with_logits(stop, pointless)
            now, before = edited.detach(), after.detach()
        return loss / self.steps, (before < first).cpu().numpy()

    def _photos(self, source: Any) -> Iterator[_Batch]:
        """Endless batches: what is given and the originals, `(B, 3, h, w)`, which are degraded, the random state."""
        source, core = own_photos(source, "recover"), self.core
        while True:
            given, true, degraded = [], [], []
            for _ in range(self.batch_size):
                original = source.cut()
                degraded.append(bool(source.rng.random() >= self.undegraded))
                true.append(core.objective.begin(original, core.actions))
                photo = source.recipe()(original) if degraded[-1] else original
                given.append(core.objective.begin(np.ascontiguousarray(photo), core.actions))
            yield observe(given), observe(true), np.array(degraded), generator_state(source.rng)

    def _finish(self) -> None:
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_batches"]


@dataclass(frozen=True)
class Recover(FullInformation):
    """Degrades photos itself and learns strengths that bring them back, by the gradient of CIEDE2000 (self-supervised).

    Editing is differentiable (Hu et al., "Exposure", ACM Transactions on Graphics 37(2), 2018), so that the distance to
    the original tells every strength which way to go, and no reward has to be guessed from (distort-and-recover: Park,
    Lee, Yoo, Kweon, CVPR 2018). Minimising the expected distance holds back where a flaw can't be known. The juror is
    needed for validation only.
    """

    steps: PositiveInt
    """edits of each photo, one after the other"""
    undegraded: Fraction
    """share of the photos that are not degraded, and to be left alone"""
    margin: PositiveFloat
    """STOP is right where a step would bring a photo nearer by no more, in CIEDE2000"""
    dropout: Fraction
    updates: PositiveInt
    """between two checks of milestones"""

    model = RecoverModel
    action_spaces = (Box,)

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        return {name: value for name, value in super().arguments(env).items() if name != "dropout"}

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        assert isinstance(env, PhotoVecEnv)
        actions = _parametric(env.core.actions)
        require_differentiable(actions.names)
        own = {"names": list(actions.names), "reach": actions.reach, "dropout": self.dropout}
        return super().policy_kwargs(env, network) | own

    def require_trainable(self, env: VecEnv) -> None:
        assert isinstance(env, PhotoVecEnv)
        own_photos(env.core.source, "recover")


def _parametric(actions: ActionSet) -> ParametricActions:
    if not isinstance(actions, ParametricActions):
        raise ApsiError("algo=recover sets strengths: add transform=adjustments")
    return actions
