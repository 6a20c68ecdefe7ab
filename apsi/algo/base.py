"""The algorithm contract: hyperparameters in, a Stable-Baselines3 model out."""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from pydantic import PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from apsi.algo.optimizer.base import Optimizer
from apsi.algo.schedule.base import Schedule
from apsi.errors import ApsiError
from apsi.photo import Floats


@dataclass(frozen=True)
class Network:
    """What the policy sees through: a feature extractor and where it runs."""

    extractor: type
    arguments: dict[str, Any]
    device: str
    seed: int

    def policy_kwargs(self, env: VecEnv, net_arch: list[int]) -> dict[str, Any]:
        """Keyword arguments for an SB3 policy with fully connected layers `net_arch` behind the extractor."""
        extractor, arguments = self.extractor, self.arguments
        if isinstance(env.observation_space, gymnasium.spaces.Dict):
            extractor, arguments = WithExtras, {"extractor": extractor, "arguments": arguments}
        return {
            "features_extractor_class": extractor,
            "features_extractor_kwargs": arguments,
            "net_arch": list(net_arch),
        }


class WithExtras(BaseFeaturesExtractor):
    """Features of the photo, and beside them what else the agent observes."""

    def __init__(self, observation_space: gymnasium.spaces.Dict, extractor: type, arguments: dict[str, Any]) -> None:
        super().__init__(observation_space, 1)
        self.photo = extractor(observation_space["photo"], **arguments)
        self._others = [name for name, space in observation_space.items() if not is_image_space(space)]
        lengths = [int(np.prod(observation_space[name].shape or ())) for name in self._others]
        self._features_dim = self.photo.features_dim + sum(lengths)

    @property
    def backbone(self) -> nn.Module | None:
        """The pretrained part of the photo's extractor, where it has one."""
        return getattr(self.photo, "backbone", None)

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """`(N, ...)` each -> `(N, features_dim)`."""
        return torch.cat([self.photo(observations["photo"]), *(observations[name] for name in self._others)], dim=1)


@dataclass(frozen=True)
class Algo(ABC):
    """Hyperparameters, named as in Stable-Baselines3; what a subclass adds is passed to its model.

    The types say their limits; a configuration is held against them before anything runs.
    """

    optimizer: Optimizer
    schedule: Schedule
    """of the learning rate"""
    net_arch: list[PositiveInt]

    model: ClassVar[Callable[..., BaseAlgorithm]]
    policy: ClassVar[str] = "Policy"
    """end of the SB3 policy's name"""
    action_spaces: ClassVar[tuple[type[gymnasium.Space[Any]], ...]] = (Discrete, Box)
    of_features: ClassVar[tuple[str, ...]] = ("features_extractor", "pi_features_extractor", "vf_features_extractor")
    """modules of the policy that see, wherever they are in it"""
    of_actions: ClassVar[tuple[str, ...]] = (
        *("action_net", "log_std", "q_net.q_net", "q_net_target.q_net", "quantile_net.quantile_net"),
        *("quantile_net_target.quantile_net", "actor.mu", "actor.log_std", "actor_target.mu", "critic.qf"),
        "critic_target.qf",
    )
    """beginnings of the names of the policy's tensors that mean something else with other actions"""

    @property
    def name(self) -> str:
        """The option of the group `algo` that it is, which is also its module."""
        return type(self).__module__.rpartition(".")[2]

    def build(self, env: VecEnv, network: Network, steps: int) -> BaseAlgorithm:
        """A new, untrained model on `env`.

        Args:
            env: all environments together.
            network: what it sees through.
            steps: of the environments in the whole training, which the schedule goes by.

        Raises:
            ApsiError: the algorithm can't have such actions.
        """
        if not isinstance(env.action_space, self.action_spaces):
            needed, options = (
                ("continuous", "parametric degradation=sensible")
                if self.action_spaces == (Box,)
                else ("discrete", "reversible or sensible")
            )
            name = type(self).__name__
            raise ApsiError(f"algo {name} needs {needed} actions: add transform={options}, or choose another algo")
        kind = "MultiInput" if isinstance(env.observation_space, gymnasium.spaces.Dict) else "Cnn"
        model = type(self).model(
            f"{kind}{self.policy}",
            env,
            learning_rate=self.schedule.of(self.optimizer.rate, steps),
            policy_kwargs=self.policy_kwargs(env, network),
            device=network.device,
            seed=network.seed,
            **self.arguments(env),
        )
        self.optimizer.attach(model)
        return model

    def is_of_features(self, tensor: str) -> bool:
        """Whether a tensor of the policy, by its name, is one of those that see."""
        return not set(self.of_features).isdisjoint(tensor.split("."))

    def is_of_actions(self, tensor: str) -> bool:
        """Whether it is of no use with other actions."""
        return tensor.startswith(self.of_actions)

    def require_trainable(self, env: VecEnv) -> None:  # noqa: B027 - most learn anywhere
        """Refuses, before anything is begun, an environment in which training would fail.

        Args:
            env: on the source of training episodes.

        Raises:
            ApsiError: with what would do instead.
        """

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        """What is passed to the model beside what all have in common."""
        common = {field.name for field in fields(Algo)}
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in common}

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        """What is passed to the model's policy."""
        return network.policy_kwargs(env, self.net_arch)

    def prefer(self, model: Any, observations: Any) -> torch.Tensor | None:
        """How much the model prefers each discrete action, `(n, A)`; None where it can't say.

        Args:
            model: what `build` made.
            observations: as tensors on its device.
        """
        return None

    def predict_changes(self, model: Any, observations: Any) -> tuple[Floats, Floats] | None:
        """By how much the model expects each of T transforms to change the score, in log-odds; None where it can't say.

        Returns:
            Expected changes `(n, T)`, and the covariance `(T, T)` of the errors of one photo's expected changes.

        Args:
            model: what `build` made.
            observations: as tensors on its device.
        """
        return None


def prefer_likely(model: Any, observations: Any) -> torch.Tensor:
    """Log-probabilities of an actor-critic's categorical actions."""
    logits: torch.Tensor = model.policy.get_distribution(observations).distribution.logits
    return logits


def prefer_valuable(model: Any, observations: Any) -> torch.Tensor:
    """Q-values of a DQN-like policy."""
    values: torch.Tensor = model.policy.q_net(observations)
    return values
