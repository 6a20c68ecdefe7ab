"""The policy contract."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from apsi.agent.ask import TrainedAgent
from apsi.env.core import EditCore, EnvComponents
from apsi.photo import Ints
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Choice:
    """What a policy chose for some episodes."""

    actions: npt.NDArray[Any]
    """`(n, ...)`, of the action set, or its END"""
    juror_calls: Ints
    """photos scored in order to choose, beside the one that the environment scores after a step, `(n,)`"""
    recipes: Mapping[int, Recipe] = field(default_factory=dict)
    """by episode of the core: edits played instead of the action, which needs to be none of the action set"""


@dataclass(frozen=True)
class PolicyContext:
    """What a policy may be made from."""

    components: EnvComponents
    agent: TrainedAgent | None
    rng: np.random.Generator
    originals_known: bool = True
    """whether photos were degraded, so that their originals say what is right"""


class Policy(ABC):
    """Chooses the next action of several episodes."""

    sees_original: ClassVar[bool] = False
    """whether it looks at the undegraded photo: a ceiling for the others and no rival, which reports say"""

    is_trained: ClassVar[bool] = False
    """whether a trained agent decides"""

    without_skill: ClassVar[str] = ""
    """what it does, where an agent that does no better has learned nothing; empty: it has some skill"""

    tries_all: ClassVar[bool] = False
    """whether it has the juror score every crop that there is: other crops are held against its choice"""

    def __init__(self, context: PolicyContext) -> None:
        self.context = context

    @abstractmethod
    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        """One action for each active episode of the core."""


def no_calls(active: Sequence[int]) -> Ints:
    """No calls of the juror."""
    return np.zeros(len(active), dtype=np.int64)
