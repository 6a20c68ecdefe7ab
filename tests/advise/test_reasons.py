"""Gains of steps, and losses without them."""

import numpy as np
import pytest

from apsi.advise.reasons import reasons_for
from apsi.env.edit_state import PixelEdits
from apsi.photo import Photo
from apsi.transform.action_set import DiscreteActions
from apsi.transform.recipe import Recipe
from tests.conftest import LABELS, Redness, natural_photo


def as_begun(photo: Photo) -> PixelEdits:
    return PixelEdits.begin(photo, DiscreteActions(LABELS), (36, 36))


def test_gains_add_up_and_losses_are_those_of_the_shorter_recipe() -> None:
    photo, juror = natural_photo(1), Redness()
    recipe = Recipe.of(["warmth", "coolness", "swap_rb"])
    reasons = reasons_for(recipe, as_begun(photo), juror)
    before, after = juror.score([photo, recipe(photo)])
    assert sum(reason.gain for reason in reasons) == pytest.approx(after - before)
    without = juror.score([Recipe.of(["coolness", "swap_rb"])(photo)])[0]
    assert reasons[0].loss_without == after - without
    assert juror.batches[0] == 4 + 3, "all in one call"


def test_nothing_done_needs_no_reason() -> None:
    juror = Redness()
    assert reasons_for(Recipe(), as_begun(np.zeros((8, 8, 3), np.uint8)), juror) == [] and not juror.batches
