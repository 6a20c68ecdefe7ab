"""The policy contract."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from apsi.agent.ask import TrainedAgent
from apsi.env.core import EditCore, EnvComponents
from apsi.photo import Ints


@dataclass(frozen=True)
class Choice:
    """What a policy chose for some episodes."""

    actions: npt.NDArray[Any]
    """`(n, ...)`, of the action set, or its END"""
    juror_calls: Ints
    """photos scored in order to choose, beside the one that the environment scores after a step, `(n,)`"""


@dataclass(frozen=True)
class PolicyContext:
    """What a policy may be made from."""

    components: EnvComponents
    agent: TrainedAgent | None
    rng: np.random.Generator


class Policy(ABC):
    """Chooses the next action of several episodes."""

    def __init__(self, context: PolicyContext) -> None:
        self.context = context

    @abstractmethod
    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        """One action for each active episode of the core."""


def no_calls(active: Sequence[int]) -> Ints:
    """No calls of the juror."""
    return np.zeros(len(active), dtype=np.int64)
