"""Who edits, and what is kept of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.advise.editor import Editor, policy_of, without_invisible
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.photo.difference import colour_difference
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.recipe import Recipe
from tests.advise.conftest import SEARCH
from tests.conftest import Redness, natural_photo


def test_the_best_state_is_kept_with_its_scores(editor: Editor) -> None:
    photo = natural_photo(0)
    (decision,) = editor.decide([photo])
    assert decision.recipe.labels == ["warmth"] * 3
    before, after = Redness().score([photo, decision.recipe(photo)])
    assert (decision.start_score, decision.score) == (before, after)


def test_a_photo_is_decided_on_alike_in_any_company(editor: Editor) -> None:
    photos = [natural_photo(seed) for seed in range(3)]
    assert editor.decide(photos) == [editor.decide([photo])[0] for photo in photos]


def test_what_gains_too_little_is_left_alone() -> None:
    editor = Editor(load_config([*SEARCH, "advise.min_gain=9"]), Redness())
    (decision,) = editor.decide([natural_photo(0)])
    assert not decision.recipe.transforms and decision.score == decision.start_score


def test_the_budget_of_calls_ends_the_search() -> None:
    editor = Editor(load_config([*SEARCH, "advise.max_calls=3"]), Redness())
    (decision,) = editor.decide([natural_photo(0)])
    assert decision.recipe.labels == ["warmth"] and decision.juror_calls == 3


def test_one_policy_edits() -> None:
    assert policy_of(load_config(["policy=[greedy,agent]"])) == "agent"
    with pytest.raises(ApsiError, match=r"policy=\[greedy,beam\]: one of them edits: policy=greedy"):
        policy_of(load_config(["policy=[greedy,beam]"]))
    with pytest.raises(ApsiError, match="policy=agent needs an agent: add checkpoint="):
        Editor(load_config(["task=advise"]), Redness())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ADJUSTMENTS), st.floats(-0.6, 0.6)), max_size=5), st.integers(0, 5))
def test_only_steps_that_can_be_seen_stay(steps: list[tuple[str, float]], seed: int) -> None:
    photo = natural_photo(seed)
    recipe = Recipe(tuple(Adjust(name, strength) for name, strength in steps))
    kept = without_invisible(recipe, photo, 1.0)
    left = list(recipe)
    assert all(left.pop(left.index(step)) for step in kept), "steps of the recipe and no others"
    for i in range(len(kept)):
        shorter = Recipe(kept.transforms[:i] + kept.transforms[i + 1 :])
        assert colour_difference(shorter(photo), kept(photo)) >= 1.0
    assert without_invisible(recipe, photo, 0.0) == recipe
    assert np.array_equal(photo, natural_photo(seed))
