"""Looking several steps ahead."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import PositiveInt

from apsi.env.core import EditCore
from apsi.env.edit_state import EditState
from apsi.errors import ApsiError
from apsi.photo.box import Box
from apsi.policy.base import Choice, Policy, PolicyContext
from apsi.transform.action_set import END, require_discrete


@dataclass(frozen=True)
class _Node:
    edit: EditState
    score: float
    actions: tuple[int, ...]


class Beam(Policy):
    """Beam search with the juror: tries every action on the `width` best photos of each depth, then plays the best end.

    The plan is made at the first step of an episode; each distinct photo of a depth is scored once.
    """

    def __init__(self, context: PolicyContext, width: PositiveInt, depth: PositiveInt) -> None:
        super().__init__(context)
        if width < 1 or depth < 1:
            raise ApsiError(f"policy.beam: width={width} and depth={depth} must be at least 1")
        self._width, self._depth = width, depth
        self._plans: dict[int, list[int]] = {}

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        require_discrete(core.actions, "policy=beam")
        actions, calls = np.empty(len(active), dtype=np.int64), np.zeros(len(active), dtype=np.int64)
        for k, i in enumerate(active):
            if core.steps[i] == 0:
                self._plans[i], calls[k] = self._plan(core, i)
            plan = self._plans[i]
            actions[k] = plan.pop(0) if plan else END
            calls[k] -= actions[k] != END  # the environment scores again what the search has scored
        return Choice(actions, calls)

    def _plan(self, core: EditCore, i: int) -> tuple[list[int], int]:
        best = _Node(core.edits[i], float(core.scores[i]), ())
        beam, calls = [best], 0
        for _ in range(min(self._depth, core.objective.max_steps)):
            found: dict[tuple[Box, bytes], tuple[EditState, tuple[int, ...]]] = {}
            for node in beam:
                for action, outcome in enumerate(node.edit.outcomes()):
                    found.setdefault(_key(outcome), (outcome, (*node.actions, action)))
            tried = list(found.values())
            scores = self.context.components.juror.score_framed([edit.framed for edit, _ in tried])
            calls += len(tried)
            nodes = [_Node(edit, score, path) for (edit, path), score in zip(tried, scores.tolist(), strict=True)]
            beam = sorted(nodes, key=lambda node: -node.score)[: self._width]
            if beam[0].score > best.score:
                best = beam[0]
        return list(best.actions), calls


def _key(edit: EditState) -> tuple[Box, bytes]:
    """The same for states that score the same."""
    return edit.box, edit.view.tobytes()
