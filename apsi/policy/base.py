"""The policy contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from apsi.env.core import EditCore, EnvComponents, Observations
from apsi.photo import Bools, Floats, Ints

State = tuple[npt.NDArray[Any], ...]
"""Memory of a recurrent agent; arrays with the episodes along axis 1"""


@dataclass(frozen=True)
class Choice:
    """What a policy chose for some episodes."""

    actions: npt.NDArray[Any]
    """`(n, ...)`, of the action set, or its END"""
    juror_calls: Ints
    """photos scored to choose, beside the one that the environment scores after a step, `(n,)`"""


@dataclass(frozen=True)
class ChangePrediction:
    """What an agent expects of every transform, in log-odds of the score."""

    changes: Floats
    """expected change `(n, T)`"""
    doubt: Floats
    """covariance `(T, T)` of the errors of one photo's expected changes"""


@dataclass(frozen=True)
class TrainedAgent:
    """A model as evaluation sees it."""

    predict: Callable[[Observations, State | None, Bools], tuple[npt.NDArray[Any], State | None]]
    """observations of n episodes, the agent's memory of them, which of them begin -> its best actions, its memory"""
    prefer: Callable[[Observations], Floats] | None
    """observations -> how much it prefers each discrete action, `(n, A)`; None where it can't say"""
    predict_changes: Callable[[Observations], ChangePrediction] | None = None
    """observations -> what it expects of each transform; None where it can't say"""


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
    """The juror was not asked."""
    return np.zeros(len(active), dtype=np.int64)
