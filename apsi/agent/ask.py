"""What a trained agent decides: its actions, its preferences, and the score changes that it predicts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete

from apsi.algo.base import Algo
from apsi.algo.divergence import require_finite, require_finite_network
from apsi.env.core import Observations
from apsi.photo import Bools, Floats

Memory = tuple[npt.NDArray[Any], ...]
"""Memory of a recurrent agent; arrays with the episodes along axis 1"""


@dataclass(frozen=True)
class ChangePrediction:
    """The predicted change of the score by every transform, in log-odds."""

    changes: Floats
    """expected change `(n, T)`"""
    covariance: Floats
    """covariance `(T, T)` of the errors of one photo's expected changes"""


@dataclass(frozen=True)
class TrainedAgent:
    """A model as evaluation sees it."""

    predict: Callable[[Observations, Memory | None, Bools], tuple[npt.NDArray[Any], Memory | None]]
    """observations of n episodes, the agent's memory of them, which of them begin -> its best actions, its memory"""
    prefer: Callable[[Observations], Floats] | None
    """observations -> preference for each discrete action, `(n, A)`; None where the algorithm has none"""
    predict_changes: Callable[[Observations], ChangePrediction] | None = None
    """observations -> predicted change by each transform; None where the algorithm predicts none"""


def trained_agent(algo: Algo, model: Any) -> TrainedAgent:
    """A model as evaluation sees it; it acts without exploring.

    Raises:
        DivergedError: its networks hold NaN or infinity; also raised where its output does later.
    """
    require_finite_network(model, algo.name)

    def check(values: npt.NDArray[Any], what: str) -> None:
        require_finite(values, algo.name, model.num_timesteps, what)

    def ask(question: Callable[[Any, Any], Any]) -> Callable[[Observations], Any]:
        def answer(observations: Observations) -> Any:
            tensors, _ = model.policy.obs_to_tensor(observations)
            model.policy.set_training_mode(False)
            with torch.no_grad():
                return question(model, tensors)

        return answer

    def prefer(model: Any, observations: Any) -> Floats:
        preferences = algo.prefer(model, observations)
        assert preferences is not None
        values = preferences.cpu().numpy().astype(np.float64)
        check(values, "what it prefers")
        return values

    def predict(observations: Observations, state: Any, begins: Any) -> tuple[Any, Any]:
        actions, state = model.predict(observations, state=state, episode_start=begins, deterministic=True)
        check(actions, "its action")
        return actions, state

    def predict_changes(model: Any, observations: Any) -> ChangePrediction:
        answer = algo.predict_changes(model, observations)
        assert answer is not None
        return ChangePrediction(*answer)

    prefers = isinstance(model.action_space, Discrete) and type(algo).prefer is not Algo.prefer
    predicts = type(algo).predict_changes is not Algo.predict_changes
    return TrainedAgent(predict, ask(prefer) if prefers else None, ask(predict_changes) if predicts else None)
