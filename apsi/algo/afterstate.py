"""Predicting the juror's score of a photo, and choosing the edit whose outcome is predicted to score highest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from pydantic import NonNegativeFloat, PositiveInt
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.vec_env import VecEnv
from torch import nn
from torch.nn import functional

from apsi.algo.base import Network
from apsi.algo.outcome_replay import OutcomeReplay, OutcomeReplayModel, Rows
from apsi.env.core import Lookahead
from apsi.env.edit_state import EditState, Observation, PixelEdits, observe
from apsi.env.vec_env import PhotoVecEnv
from apsi.juror.base import SCORE_MAX
from apsi.juror.odds import log_odds
from apsi.photo import Floats, Ints
from apsi.transform.action_set import ActionSet, DiscreteActions, require_discrete
from apsi.types import Fraction

_HORIZON = 2000  # states over which the running moments of predicted and true changes average
_PRIOR = 16  # states that the moments begin with, where predictions are right
_RENAMED = {"seen": "moments", "compared": "n_compared"}  # buffers, as earlier checkpoints call them


class AfterstatePolicy(BasePolicy):
    """A network that predicts the score of a photo; an action is worth what it predicts of the edited photo.

    The edits are made on the observation, so the agent still sees nothing else and asks no juror. Changes are those of
    the score's log-odds, which are alike for good and bad photos, and are corrected by how well they were predicted of
    photos that had not been learned from yet.
    """

    moments: torch.Tensor
    """running mean of z z', where z is 1, the predicted and the true changes of the T actions, `(1 + 2T, 1 + 2T)`"""
    n_compared: torch.Tensor
    """photos that `moments` stands for, `_HORIZON` at most"""

    def __init__(
        self,
        observation_space: Any,
        action_space: Discrete,
        lr_schedule: Any,
        *,
        net_arch: list[int],
        labels: list[str],
        from_observation: Callable[[Observation, ActionSet], EditState] = PixelEdits.of_observation,
        **kwargs: Any,
    ) -> None:
        """Builds the network; arguments as Stable-Baselines3 passes them, and:

        Args:
            observation_space: of photos alone.
            action_space: of the transforms, and STOP where the environment has it.
            lr_schedule: of the share of training that remains.
            net_arch: widths of the layers behind the feature extractor.
            labels: of the transforms.
            from_observation: `Objective.from_observation`, which says what can be edited of an observation.
            kwargs: of `BasePolicy`.
        """
        super().__init__(observation_space, action_space, **kwargs)
        self.actions = DiscreteActions(labels, stop=int(action_space.n) > len(labels))
        self._from_observation = from_observation
        self.features_extractor = self.make_features_extractor()
        self.score_net = nn.Sequential(*create_mlp(self.features_extractor.features_dim, 1, net_arch))
        self.optimizer = self.optimizer_class(self.parameters(), lr_schedule(1), **self.optimizer_kwargs)
        unit = torch.eye(len(labels), dtype=torch.float64)
        prior = functional.pad(unit.repeat(2, 2), (1, 0, 1, 0))
        prior[0, 0] = 1
        self.register_buffer("moments", prior)
        self.register_buffer("n_compared", torch.tensor(float(_PRIOR)))
        self.register_load_state_dict_pre_hook(_with_new_names)  # type: ignore[no-untyped-call]  # torch's

    def edits_of(self, observation: Observation) -> EditState:
        """What edits are tried on: the agent has nothing but its observation."""
        return self._from_observation(observation, self.actions)

    def logits(self, photos: torch.Tensor) -> torch.Tensor:
        """Predicted log-odds `(n,)` of the scores of observations `(n, 3, h, w)`; a score is 10 at most."""
        features = self.extract_features(photos, self.features_extractor)
        logits: torch.Tensor = self.score_net(features)[:, 0]
        return logits

    def predict_changes(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-odds of the photos `(n,)`, and by how much each transform would change them `(n, T)`, not corrected."""
        before = observations.cpu().numpy()
        after = observe([outcome for observation in before for outcome in self.edits_of(observation).outcomes()])
        n, flat = len(before), np.concatenate([before, after])
        parts = np.array_split(flat, 1 + len(flat) // 256)
        logits = torch.cat([self.logits(torch.from_numpy(part).to(self.device)) for part in parts])
        return logits[:n], logits[n:].reshape(n, -1) - logits[:n, None]

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> None:
        """Takes note of predicted and true changes `(n, T)` of photos that were not learned from yet."""
        z = torch.cat([torch.ones_like(true[:, :1]), predicted, true], 1).double()
        share = len(z) / (self.n_compared + len(z))
        self.moments += share.to(self.moments) * (z.T @ z / len(z) - self.moments)
        self.n_compared = torch.clamp(self.n_compared + len(z), max=_HORIZON)

    def corrections(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Slope and offset `(T,)` by which predicted changes become the best linear guess of the true ones; the
        covariance `(T, T)` of what is still wrong then.
        """
        n = len(self.actions.transforms)
        mean = self.moments[0, 1:]
        covariance = self.moments[1:, 1:] - torch.outer(mean, mean)
        slope = (covariance[:n, n:].diagonal() / covariance[:n, :n].diagonal().clamp(min=1e-9)).clamp(0, 1)
        offset = mean[n:] - slope * mean[:n]
        error = torch.cat([-torch.diag(slope), torch.eye(n).to(slope)], 1)
        return slope, offset, error @ covariance @ error.T

    def q_net(self, observations: torch.Tensor) -> torch.Tensor:
        """Predicted gain in score of each action `(n, A)`; 0 for STOP."""
        logits, changes = self.predict_changes(observations)
        slope, offset, _ = self.corrections()
        gains = SCORE_MAX * (torch.sigmoid(logits[:, None] + slope * changes + offset) - torch.sigmoid(logits[:, None]))
        return gains.float() if self.actions.stop is None else functional.pad(gains.float(), (0, 1))

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        return self.q_net(observation).argmax(dim=1)


class AfterstateModel(OutcomeReplayModel):
    """Fits predicted scores to the juror's, of visited photos and of what every action makes of them."""

    policy: AfterstatePolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": AfterstatePolicy}

    def __init__(
        self,
        *args: Any,
        actions_per_state: int = 1,
        difference_weight: float = 1.0,
        guidance: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Takes what `OutcomeReplayModel` takes, and:

        Args:
            args: of `OutcomeReplayModel`.
            actions_per_state: edits of each remembered photo that an update uses, drawn anew every time.
            difference_weight: weight of what an edit changes, beside the score itself, in the loss.
            guidance: share of the steps that take the action whose outcome the juror scores highest.
            kwargs: of `OutcomeReplayModel`.
        """
        self.actions_per_state, self.difference_weight = actions_per_state, difference_weight
        self.guidance = guidance
        super().__init__(*args, **kwargs)

    def _empty_memory(self) -> Rows:
        return {"targets": self._room(1 + len(self.policy.actions.transforms))}

    def _outcomes(self, lookahead: Lookahead) -> Rows:
        """Log-odds of the scores of the photo and of what each transform makes of it, `(N, 1 + T)`."""
        scores = np.column_stack([self.core.scores, lookahead.scores[:, : len(self.policy.actions.transforms)]])
        targets = log_odds(scores)
        self.policy.set_training_mode(False)
        with torch.no_grad():
            _, predicted = self.policy.predict_changes(torch.from_numpy(self.core.observe()))
            self.policy.compare(predicted, torch.from_numpy(targets[:, 1:] - targets[:, :1]).to(predicted))
        return {"targets": targets}

    def _choose(self, observations: npt.NDArray[np.uint8], outcomes: Rows) -> npt.NDArray[np.int64]:
        actions, targets = super()._choose(observations, outcomes), outcomes["targets"]
        stop = self.policy.actions.stop
        best = targets[:, 1:].argmax(axis=1)
        if stop is not None:
            best[targets[:, 1:].max(axis=1) <= targets[:, 0]] = stop
        guided = self._rng.random(len(actions)) < self.guidance
        return np.where(guided, best, actions)

    def _loss(self, photos: npt.NDArray[np.uint8], chosen: Ints, same: Ints) -> torch.Tensor:
        targets = self._memory["targets"][chosen]
        n_edits = len(self.policy.actions.transforms)
        targets = np.column_stack([targets[:, 0], np.take_along_axis(targets[:, 1:], same[:, :n_edits], axis=1)])
        every = np.tile(np.arange(n_edits), (len(photos), 1))
        drawn = self._rng.permuted(every, axis=1)[:, : self.actions_per_state]
        before = [self.policy.edits_of(photo) for photo in photos]
        after = observe([state.apply(a) for state, row in zip(before, drawn, strict=True) for a in row])
        shown = np.concatenate([photos[:, None], after.reshape(*drawn.shape, *photos.shape[1:])], axis=1)
        true = np.column_stack([targets[:, 0], np.take_along_axis(targets, drawn + 1, axis=1)])
        truth = torch.from_numpy(true).to(self.device)
        predicted = self.policy.logits(torch.from_numpy(shown.reshape(-1, *photos.shape[1:])).to(self.device))
        predicted = predicted.reshape(truth.shape)
        change, true_change = predicted[:, 1:] - predicted[:, :1], truth[:, 1:] - truth[:, :1]
        return functional.smooth_l1_loss(predicted, truth) + self.difference_weight * functional.smooth_l1_loss(
            change, true_change, beta=0.3
        )


def _with_new_names(_: nn.Module, state_dict: dict[str, torch.Tensor], prefix: str, *__: Any) -> None:
    for old, new in _RENAMED.items():
        if prefix + old in state_dict:
            state_dict[prefix + new] = state_dict.pop(prefix + old)


@dataclass(frozen=True)
class Afterstate(OutcomeReplay):
    """Learns the juror's score of any photo and takes the edit whose outcome it predicts to score highest.

    That is the value of an afterstate (Sutton, Barto: "Reinforcement Learning", 2018, section 6.8): one network
    predicts the score of any photo, and the agent makes the edits on its observation, so the scored outcomes of all
    actions train the same network. It learns the score itself, whatever the reward.
    """

    actions_per_state: PositiveInt
    difference_weight: NonNegativeFloat
    guidance: Fraction

    model = AfterstateModel
    of_actions = ("moments", "n_compared")

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        assert isinstance(env, PhotoVecEnv)
        transforms = require_discrete(env.core.actions, "algo=afterstate").transforms
        return super().policy_kwargs(env, network) | {
            "labels": [transform.label for transform in transforms],
            "from_observation": env.core.objective.from_observation,
        }

    def predict_changes(self, model: Any, observations: Any) -> tuple[Floats, Floats]:
        policy: AfterstatePolicy = model.policy
        slope, offset, covariance = policy.corrections()
        _, changes = policy.predict_changes(observations)
        return (slope * changes + offset).cpu().numpy(), covariance.cpu().numpy()
