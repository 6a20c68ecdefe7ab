"""Edits that are no actions are played like those that are."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EnvComponents
from apsi.errors import ApsiError
from apsi.evaluate.measure import distance
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import PolicyContext
from apsi.policy.fixed import Fixed
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.transform.catalogue import by_label
from apsi.transform.parametric import ParametricActions
from tests.conftest import LABELS

BUTTONS = ("auto_contrast", "gray_world", "gamma_auto", "clahe")


def play(parts: EnvComponents, split: PreparedSplit, label: str) -> list[EpisodeResult]:
    policy = Fixed(PolicyContext(parts, None, np.random.default_rng(0)), label)
    measures = {"distance": distance}
    return list(
        roll_out(policy, parts, split.episodes, batch_size=2, store=PhotoStore(), pictures=3, measures=measures)
    )


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("max_steps", [1, 3])
def test_an_edit_is_played_once_whatever_the_actions_are(
    continuous: bool, max_steps: int, optimise: EnvComponents, split: PreparedSplit
) -> None:
    actions = ParametricActions(["exposure"], 1, 0, stop=True) if continuous else optimise.actions
    assert "clahe" not in actions.labels
    parts = replace(optimise, actions=actions, objective=replace(optimise.objective, max_steps=max_steps))
    store, edit = PhotoStore(), by_label("clahe")
    for result in play(parts, split, "clahe"):
        after = edit(store.read(result.episode.photo))
        assert (result.actions, result.steps, result.juror_calls) == (("clahe",), 1, 1)
        assert [frame.label for frame in result.frames] == ["", "clahe"]
        assert np.array_equal(result.frames[-1].photo, after)
        assert result.frames[-1].recipe.labels == ["clahe"]
        assert result.final_score == result.scores[-1] == parts.juror.score([after])[0]
        assert result.success == (result.gain > 0)
        assert result.measures["distance"][1] == distance([after], [store.read(result.episode.original)])[0]


def test_changes_are_measured_from_the_start_and_not_from_the_original(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    policy, store = Fixed(PolicyContext(restore, None, np.random.default_rng(0)), "swap_rb"), PhotoStore()
    results = roll_out(
        policy,
        restore,
        split.episodes[:2],
        batch_size=2,
        store=store,
        measures={"distance": distance},
        changes={"change": distance},
    )
    for result in results:  # all the way back to the original
        moved = distance([store.read(result.episode.photo)], [store.read(result.episode.original)])[0]
        assert result.measures == {"distance": (moved, 0.0), "change": (0.0, moved)}


def test_an_edit_that_reaches_the_objective_ends_the_episode(restore: EnvComponents, split: PreparedSplit) -> None:
    assert LABELS[0] == "invert_r"
    assert [r.success for r in play(restore, split, "invert_r")] == [False, False, True]


def test_every_button_is_an_option_and_a_mistyped_label_is_named(restore: EnvComponents) -> None:
    context = PolicyContext(restore, None, np.random.default_rng(0))
    nodes = load_config([f"policy=[{','.join(BUTTONS)}]"]).policy
    for name in BUTTONS:
        assert isinstance(instantiate(nodes[name], context=context), Fixed)
    with pytest.raises(ApsiError, match="Did you mean 'clahe'"):
        Fixed(context, "clahee")
