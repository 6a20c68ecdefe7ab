"""The policy contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apsi.env.core import Components, EditCore
from apsi.photo import Ints


@dataclass(frozen=True)
class Choice:
    """What a policy chose for some episodes; arrays `(n,)`."""

    actions: Ints
    """indices into the action set, or `apsi.env.core.END`"""
    juror_calls: Ints
    """photos scored to choose, beside the one that the environment scores after a step"""


@dataclass(frozen=True)
class PolicyContext:
    """What a policy may be made from."""

    components: Components
    predict: Callable[[npt.NDArray[np.uint8]], Ints] | None
    """the trained agent: observations `(n, 3, h, w)` -> its best actions `(n,)`; None where there is no agent"""
    rng: np.random.Generator


class Policy(ABC):
    """Chooses the next action of several episodes."""

    def __init__(self, context: PolicyContext) -> None:
        self.context = context

    @abstractmethod
    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        """One action for each active episode of the core."""
