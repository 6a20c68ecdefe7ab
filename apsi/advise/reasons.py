"""Why: what each step of a recipe gained, and what the result would lose without it."""

from dataclasses import dataclass

from apsi.env.edit_state import EditState
from apsi.juror.base import Juror
from apsi.transform.base import Transform
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Reason:
    """One step of a recipe, by a juror's scores."""

    transform: Transform
    gain: float
    """score after this step less that before it"""
    loss_without: float
    """score of the whole result less that of the recipe without this step; below 0 where it would be better without"""


def each_without_one(recipe: Recipe) -> list[Recipe]:
    """The recipes that lack one of its steps, in order."""
    steps = recipe.transforms
    return [Recipe(steps[:i] + steps[i + 1 :]) for i in range(len(steps))]


def played(recipe: Recipe, begun: EditState, cut: EditState | None) -> EditState:
    """The state after a recipe; see `reasons_for`."""
    return begun.play(recipe) if cut is None else cut.play(Recipe(recipe.transforms[1:]))


def states_of(recipe: Recipe, begun: EditState, cut: EditState | None = None) -> list[EditState]:
    """The states before the first step of a recipe and after each; see `reasons_for`."""
    states = [begun]
    for i, transform in enumerate(recipe):
        states.append(cut if cut is not None and i == 0 else states[-1].play(Recipe((transform,))))
    return states


def reasons_for(recipe: Recipe, begun: EditState, juror: Juror, cut: EditState | None = None) -> list[Reason]:
    """What a juror says of each step, all photos scored in one call.

    Args:
        recipe: any.
        begun: the small copy that it was decided on, before any edit.
        juror: ready to score.
        cut: a small copy of what the first step, a crop, leaves; None: what it leaves of the small copy.
    """
    if not recipe.transforms:
        return []
    steps, states = recipe.transforms, states_of(recipe, begun, cut)
    without = [
        begun.play(shorter) if i == 0 else played(shorter, begun, cut)
        for i, shorter in enumerate(each_without_one(recipe))
    ]
    scores = juror.score_framed([state.framed for state in (*states, *without)])
    after, left = scores[: len(states)], scores[len(states) :]
    return [
        Reason(transform, float(after[i + 1] - after[i]), float(after[-1] - left[i]))
        for i, transform in enumerate(steps)
    ]
