"""The goal of an episode: when it has succeeded, when it is over."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.photo import Bools, Floats


@dataclass(frozen=True)
class Goal(ABC):
    """What an environment asks of the agent; the fields hold for every goal."""

    max_steps: PositiveInt
    """an episode is cut off after this many steps"""
    observation_size: list[int]
    """height and width of the observation in pixels"""
    stop: bool
    """whether STOP is the last action"""

    def __post_init__(self) -> None:
        if self.max_steps < 1:
            raise ApsiError(f"env.max_steps={self.max_steps} must be at least 1")
        if len(self.observation_size) != 2 or min(self.observation_size) < 36:
            raise ApsiError(f"env.observation_size={self.observation_size} must be [height, width], each at least 36")

    @abstractmethod
    def success(self, start: Floats, target: Floats, score: Floats) -> Bools:
        """Whether an episode that ends with these scores has succeeded; all shapes `(N,)`."""

    @abstractmethod
    def reached(self, start: Floats, target: Floats, score: Floats) -> Bools:
        """Whether an episode is over because there is nothing left to gain; all shapes `(N,)`."""
