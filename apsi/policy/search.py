"""Searching strengths with the juror."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat, PositiveInt

from apsi.env.core import EditCore
from apsi.errors import ApsiError
from apsi.photo import Floats
from apsi.policy.base import Choice, Policy, PolicyContext
from apsi.transform.action_set import ActionSet
from apsi.transform.parametric import ParametricActions

_SEEDS = 2**31 - 1


class Search(Policy):
    """CMA-ES on the strengths of one step, with a budget of juror calls; what greedy is for discrete actions.

    Hansen and Ostermeier: "Completely derandomized self-adaptation in evolution strategies", Evolutionary Computation
    9(2), 2001. The best strengths found are played in the first step, and nothing where none scores above the start.
    """

    def __init__(self, context: PolicyContext, calls: PositiveInt, sigma: PositiveFloat) -> None:
        """Prepares a search.

        Args:
            context: with continuous actions.
            calls: photos of an episode that are scored.
            sigma: standard deviation of the first strengths, around 0, which changes nothing.

        Raises:
            ApsiError: the actions are discrete, or the package is missing.
        """
        super().__init__(context)
        if calls < 1 or sigma <= 0:
            raise ApsiError(f"policy.search: calls={calls} must be at least 1 and sigma={sigma} above 0")
        self._calls, self._sigma = calls, sigma
        self._actions = _require_continuous(context.components.actions)
        self._optimizer = _optimizer_class()

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        calls = np.zeros(len(active), dtype=np.int64)
        actions = core.actions.end(len(active))
        beginning = [k for k, i in enumerate(active) if core.steps[i] == 0]
        found = self._search(core, [active[k] for k in beginning])
        for k, (action, score) in zip(beginning, found, strict=True):
            calls[k] = self._calls
            if score > core.scores[active[k]]:
                actions[k] = action
                calls[k] -= 1  # the environment scores again what the search has scored
        return Choice(actions, calls)

    def _search(self, core: EditCore, chosen: Sequence[int]) -> list[tuple[npt.NDArray[np.float32], float]]:
        """The best action of each of these episodes and its score; all that are asked about together in one call."""
        n_strengths = len(self._actions.names)
        bounds = np.tile([-1.0, 1.0], (n_strengths, 1))
        seeds = self.context.rng.integers(_SEEDS, size=len(chosen)).tolist()
        searches = [self._optimizer(np.zeros(n_strengths), self._sigma, bounds=bounds, seed=seed) for seed in seeds]
        best: list[tuple[npt.NDArray[np.float32], float]] = [(self._actions.end(1)[0], -np.inf) for _ in chosen]
        left = self._calls
        while left and searches:
            count = min(left, searches[0].population_size)
            asked = [[search.ask() for _ in range(count)] for search in searches]
            actions = [[self._actions.of_strengths(strengths) for strengths in row] for row in asked]
            views = [core.edits[i].apply(a).framed for i, row in zip(chosen, actions, strict=True) for a in row]
            scores: Floats = self.context.components.juror.score_framed(views).reshape(len(chosen), count)
            for k, search in enumerate(searches):
                top = int(scores[k].argmax())
                if scores[k, top] > best[k][1]:
                    best[k] = actions[k][top], float(scores[k, top])
                if count == search.population_size:
                    search.tell(list(zip(asked[k], (-scores[k]).tolist(), strict=True)))
            left -= count
        return best


def _require_continuous(actions: ActionSet) -> ParametricActions:
    if not isinstance(actions, ParametricActions):
        raise ApsiError(
            "policy=search needs continuous actions: add transform=parametric degradation=sensible, or choose "
            "policy=greedy"
        )
    return actions


def _optimizer_class() -> Any:
    try:
        from cmaes import CMA
    except ImportError as error:
        raise ApsiError("policy=search needs the package cmaes: pip install 'apsi[search]'") from error
    return CMA
