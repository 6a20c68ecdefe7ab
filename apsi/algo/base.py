"""The algorithm contract: hyperparameters in, a Stable-Baselines3 model out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import Field
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Network:
    """What the policy sees through: a feature extractor and where it runs."""

    extractor: type
    arguments: dict[str, Any]
    device: str
    seed: int

    def policy_kwargs(self, net_arch: list[int]) -> dict[str, Any]:
        """Keyword arguments for an SB3 `CnnPolicy` with fully connected layers `net_arch` behind the extractor."""
        return {
            "features_extractor_class": self.extractor,
            "features_extractor_kwargs": self.arguments,
            "net_arch": net_arch,
        }


class Algo(ABC):
    """A frozen dataclass of hyperparameters, named as in Stable-Baselines3.

    The types say their limits; a configuration is held against them before anything runs.
    """

    @abstractmethod
    def build(self, env: VecEnv, network: Network) -> BaseAlgorithm:
        """A new, untrained model on `env`."""
