"""Edits that the agent proposes, verified by the juror before they are made."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import PositiveFloat

from apsi.env.core import EditCore
from apsi.errors import ApsiError
from apsi.juror.odds import log_odds, score_of
from apsi.photo import Floats
from apsi.policy.base import Choice, Policy, PolicyContext
from apsi.transform.action_set import END, require_discrete
from apsi.types import Fraction

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_NOISE = 0.01
"""variance of what no correlation explains, in squared log-odds"""


class _Query(NamedTuple):
    """An edit that the juror has scored."""

    step: int
    transform: int
    error: float
    """prediction error: true minus predicted change in log-odds"""


class ExpectedImprovement(Policy):
    """Has the juror score the agent's most promising edits one by one, and takes the first that raises the score.

    The most promising edit has the greatest expected improvement (Jones, Schonlau, Welch: "Efficient global
    optimization of expensive black-box functions", 1998) under a Gaussian whose mean and covariance the agent learned,
    conditioned on the prediction errors of this episode. The score never ends below where it began.
    """

    is_trained: ClassVar[bool] = True

    def __init__(self, context: PolicyContext, min_improvement: PositiveFloat, step_correlation: Fraction) -> None:
        """Takes the limits of the search.

        Args:
            context: whose agent must predict what its edits do (algo=afterstate).
            min_improvement: the episode ends where no edit has an expected improvement of so much.
            step_correlation: correlation of an edit's prediction error from one step to the next.
        """
        super().__init__(context)
        if context.agent is None or context.agent.predict_changes is None:
            raise ApsiError(
                "policy=expected_improvement needs an agent that predicts what edits do: train it with algo=afterstate"
            )
        self._predict_changes = context.agent.predict_changes
        self._min_improvement, self._step_correlation = min_improvement, step_correlation
        self._queries: dict[int, list[_Query]] = {}

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        require_discrete(core.actions, "policy=expected_improvement")
        expected = self._predict_changes(core.observe(active))
        actions = np.full(len(active), END, dtype=np.int64)
        calls = np.zeros(len(active), dtype=np.int64)
        for i in active:
            if core.steps[i] == 0:
                self._queries[i] = []
        undecided = list(range(len(active)))
        while undecided:
            chosen = []
            for k in undecided:
                transform = self._most_promising(core, active[k], expected.changes[k], expected.covariance)
                if transform is not None:
                    chosen.append((k, transform))
            if not chosen:
                break
            tried = [core.edits[active[k]].apply(t).framed for k, t in chosen]
            scores = self.context.components.juror.score_framed(tried)
            undecided = []
            for (k, t), score in zip(chosen, scores.tolist(), strict=True):
                i = active[k]
                change = log_odds(np.array([core.scores[i], score]))
                error = change[1] - change[0] - expected.changes[k, t]
                self._queries[i].append(_Query(int(core.steps[i]), t, float(error)))
                if score > core.scores[i]:
                    actions[k] = t  # of its two scorings, only the environment's counts
                else:
                    calls[k] += 1
                    undecided.append(k)
        return Choice(actions, calls)

    def _most_promising(self, core: EditCore, i: int, changes: Floats, covariance: Floats) -> int | None:
        """The transform to score next; None where none reaches `min_improvement`."""
        step, score = int(core.steps[i]), float(core.scores[i])
        mean, variance = changes, np.diag(covariance)
        if queries := self._queries[i]:
            steps, which, errors = (np.array(column) for column in zip(*queries, strict=True))
            between = self._step_correlation ** np.abs(steps[:, None] - steps)
            observed = covariance[np.ix_(which, which)] * between + _NOISE * np.eye(len(queries))
            decay = self._step_correlation ** (step - steps)
            weights = np.linalg.solve(observed, (covariance[:, which] * decay).T).T
            mean = mean + weights @ errors
            variance = variance - (weights * covariance[:, which] * decay).sum(axis=1)
        spread = np.sqrt(np.maximum(variance, 1e-6))[:, None]
        outcomes = score_of(log_odds(np.array([score])) + mean[:, None] + spread * _NODES)
        improvements = np.maximum(outcomes - score, 0) @ _WEIGHTS
        improvements[[query.transform for query in queries if query.step == step]] = -1
        best = int(improvements.argmax())
        return best if improvements[best] >= self._min_improvement else None
