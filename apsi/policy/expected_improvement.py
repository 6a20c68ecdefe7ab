"""The agent proposes, the juror disposes."""

from collections.abc import Sequence
from typing import NamedTuple

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


class _Asked(NamedTuple):
    """An edit that the juror was asked about."""

    step: int
    transform: int
    surprise: float
    """true minus expected change in log-odds"""


class ExpectedImprovement(Policy):
    """Asks the juror about the agent's most promising edits one by one, and takes the first that raises the score.

    Promising is what has the greatest expected improvement (Jones, Schonlau, Welch: "Efficient global optimization of
    expensive black-box functions", 1998) under a Gaussian whose mean and covariance the agent learned, conditioned on
    what was tried in this episode: what disappointed once disappoints again, and its opposite may do. It never ends
    below where it began.
    """

    def __init__(self, context: PolicyContext, min_improvement: PositiveFloat, step_correlation: Fraction) -> None:
        """Takes what a look is worth.

        Args:
            context: whose agent must predict what its edits do (algo=afterstate).
            min_improvement: the episode ends where no edit promises to raise the score by so much.
            step_correlation: correlation of an edit's surprise from one step to the next.
        """
        super().__init__(context)
        if context.agent is None or context.agent.predict_changes is None:
            raise ApsiError(
                "policy=expected_improvement needs an agent that predicts what edits do: train it with algo=afterstate"
            )
        self._predict_changes = context.agent.predict_changes
        self._min_improvement, self._step_correlation = min_improvement, step_correlation
        self._tried: dict[int, list[_Asked]] = {}

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        require_discrete(core.actions, "policy=expected_improvement")
        expected = self._predict_changes(core.observe(active))
        actions = np.full(len(active), END, dtype=np.int64)
        calls = np.zeros(len(active), dtype=np.int64)
        for i in active:
            if core.steps[i] == 0:
                self._tried[i] = []
        undecided = list(range(len(active)))
        while undecided:
            looks = []
            for k in undecided:
                transform = self._most_promising(core, active[k], expected.changes[k], expected.covariance)
                if transform is not None:
                    looks.append((k, transform))
            if not looks:
                break
            scores = self.context.components.juror.score([core.edits[active[k]].apply(t).view for k, t in looks])
            undecided = []
            for (k, t), score in zip(looks, scores.tolist(), strict=True):
                i = active[k]
                change = log_odds(np.array([core.scores[i], score]))
                surprise = change[1] - change[0] - expected.changes[k, t]
                self._tried[i].append(_Asked(int(core.steps[i]), t, float(surprise)))
                if score > core.scores[i]:
                    actions[k] = t  # the environment's scoring of it is the one look at it
                else:
                    calls[k] += 1
                    undecided.append(k)
        return Choice(actions, calls)

    def _most_promising(self, core: EditCore, i: int, changes: Floats, doubt: Floats) -> int | None:
        """The transform to look at next; None where none is worth it."""
        step, score = int(core.steps[i]), float(core.scores[i])
        mean, variance = changes, np.diag(doubt)
        if tried := self._tried[i]:
            steps, which, surprises = (np.array(column) for column in zip(*tried, strict=True))
            fades = self._step_correlation ** np.abs(steps[:, None] - steps)
            among = doubt[np.ix_(which, which)] * fades + _NOISE * np.eye(len(tried))
            weights = np.linalg.solve(among, (doubt[:, which] * self._step_correlation ** (step - steps)).T).T
            mean = mean + weights @ surprises
            variance = variance - (weights * doubt[:, which] * self._step_correlation ** (step - steps)).sum(axis=1)
        spread = np.sqrt(np.maximum(variance, 1e-6))[:, None]
        outcomes = score_of(log_odds(np.array([score])) + mean[:, None] + spread * _NODES)
        promise = np.maximum(outcomes - score, 0) @ _WEIGHTS
        promise[[t.transform for t in tried if t.step == step]] = -1
        best = int(promise.argmax())
        return best if promise[best] >= self._min_improvement else None
