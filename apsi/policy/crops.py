"""Crops without a trained agent: every one, the middle, where people look."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from apsi.env.core import EditCore
from apsi.env.crop_state import CropState
from apsi.env.edit_state import EditState
from apsi.errors import ApsiError
from apsi.photo import Ints
from apsi.photo.box import Box
from apsi.policy.base import Choice, Policy, PolicyContext, no_calls
from apsi.transform.best_box import best_box
from apsi.transform.crop_actions import grid_anchors
from apsi.transform.crop_moves import CropTo
from apsi.transform.recipe import Recipe
from apsi.transform.saliency import saliency
from apsi.types import PositiveFraction


class CropPolicy(Policy):
    """Chooses a box at the first step of an episode and ends it; whether or not the agent could take it."""

    def __init__(self, context: PolicyContext) -> None:
        super().__init__(context)
        if not context.components.objective.frames:
            raise ApsiError(
                f"policy {type(self).__name__} chooses a crop: add env=crop transform=crop_edges degradation=none"
            )

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        calls, recipes = no_calls(active), dict[int, Recipe]()
        for k, i in enumerate(active):
            if core.steps[i] == 0:
                box, calls[k] = self._box(core.edits[i], float(core.scores[i]))
                if box is not None:
                    recipes[i] = Recipe((CropTo(box),))
        return Choice(core.actions.end(len(active)), calls, recipes)

    @abstractmethod
    def _box(self, edit: EditState, score: float) -> tuple[Box | None, int]:
        """The box for a photo as it is, which has this score, or None to leave it; calls of the juror for it."""


class Exhaustive(CropPolicy):
    """Has the juror score every box of a grid (`grid_anchors`), and takes the best if it beats the photo as it is.

    The ceiling for what chooses among these boxes, and its price.
    """

    tries_all: ClassVar[bool] = True

    def __init__(self, context: PolicyContext, bins: int, min_area: PositiveFraction) -> None:
        """Makes the grid.

        Args:
            context: of an environment that frames.
            bins: rows and columns.
            min_area: smallest box, as a share of the grid.

        Raises:
            ApsiError: no box is so large, or the environment does not frame.
        """
        super().__init__(context)
        self._recipes = anchor_recipes(bins, min_area)
        if not self._recipes:
            raise ApsiError(f"policy.exhaustive: no box of a grid of {bins} cells a side has min_area={min_area}")

    def _box(self, edit: EditState, score: float) -> tuple[Box | None, int]:
        states = outcomes_of(edit, self._recipes)
        if not states:
            return None, 0
        scores = self.context.components.juror.score_framed([state.framed for state in states])
        best = int(np.argmax(scores))
        if scores[best] <= score:
            return None, len(states)
        return states[best].box, len(states) - 1  # the environment scores the chosen one again


def anchor_recipes(bins: int, min_area: float) -> list[Recipe]:
    """What takes a photo to each box of a grid (`grid_anchors`)."""
    return [Recipe((CropTo(box),)) for box in grid_anchors(bins, min_area)] if bins >= 3 else []


def outcomes_of(edit: EditState, recipes: Sequence[Recipe]) -> list[EditState]:
    """The states after each recipe, every box once, without those that it leaves as it is."""
    return list({state.box: state for state in map(edit.play, recipes) if state.box != edit.box}.values())


class SizedCropPolicy(CropPolicy):
    """Leaves a given share of every photo."""

    def __init__(self, context: PolicyContext, area: PositiveFraction) -> None:
        """Takes the size.

        Args:
            context: of an environment that frames.
            area: share of the photo that is left.
        """
        super().__init__(context)
        self._area = area


class Centre(SizedCropPolicy):
    """The middle of the photo."""

    def _box(self, edit: EditState, score: float) -> tuple[Box | None, int]:
        low, high = 0.5 - self._area**0.5 / 2, 0.5 + self._area**0.5 / 2
        return Box(low, low, high, high), 0


class AttentionCrop(SizedCropPolicy):
    """The part of this size that keeps most of what people look at (`apsi.transform.saliency`), whatever its shape."""

    def _box(self, edit: EditState, score: float) -> tuple[Box | None, int]:
        ratio = edit.limits.ratio if isinstance(edit, CropState) else None
        return best_box(saliency(edit.original), self._area, ratio), 0


class Shortlist(Policy):
    """Has the juror score what the agent prefers most, and takes the best of it if it beats the photo as it is."""

    is_trained: ClassVar[bool] = True

    def __init__(self, context: PolicyContext, calls: int) -> None:
        """Takes the budget.

        Args:
            context: with a trained agent that can say how much it prefers each action.
            calls: actions whose outcome the juror scores at each step.

        Raises:
            ApsiError: `calls` is below 1.
        """
        super().__init__(context)
        if calls < 1:
            raise ApsiError(f"policy.shortlist.calls={calls} must be at least 1")
        self._calls = calls

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        agent = self.context.agent
        if agent is None or agent.prefer is None:
            raise ApsiError("policy=shortlist needs an agent that says how much it prefers each action, as crop_ranker")
        preferred = agent.prefer(core.observe(active))
        actions: Ints = core.actions.end(len(active))
        calls = no_calls(active)
        for k, i in enumerate(active):
            order = np.argsort(-preferred[k], kind="stable")
            order = order[~core.actions.stops(order)][: self._calls]
            states = [core.edits[i].apply(action) for action in order.tolist()]
            scores = self.context.components.juror.score_framed([state.framed for state in states])
            best = int(np.argmax(scores))
            calls[k] = len(order)
            if scores[best] > core.scores[i]:
                actions[k] = order[best]
                calls[k] -= 1  # the environment scores again what was scored here
        return Choice(actions, calls)
