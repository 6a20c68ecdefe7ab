"""The editing core: one juror call a step, right scores, right endings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.base import EXTRAS as NAMES
from apsi.env.core import EXTRAS, EditCore, EnvComponents, spaces_of
from apsi.errors import ApsiError
from apsi.photo import Floats, Photo
from apsi.photo.difference import mean_difference
from apsi.photo.prepared import PreparedSplit
from apsi.reward.bonus import FixedBonus, NoBonus
from apsi.reward.careful import Careful
from apsi.reward.multi_objective import MultiObjective
from apsi.reward.rl_guide import RlGuide
from apsi.reward.stop_only import StopOnlyPlain
from apsi.transform.action_set import END, DiscreteActions, NoNumberError
from apsi.transform.catalogue import by_label
from apsi.transform.parametric import ParametricActions
from tests.conftest import InOrder, Redness, context

INVERT_R, INVERT_G, INVERT_B, SWAP_RB, STOP = range(5)


def core_of(components: EnvComponents, split: PreparedSplit, n: int = 3) -> EditCore:
    core = EditCore(components, InOrder(context(split)), n)
    core.reset()
    return core


def step(core: EditCore, *actions: int):  # type: ignore[no-untyped-def]
    return core.step(np.array(actions, dtype=np.int64))


def test_a_step_scores_all_changed_photos_in_one_juror_call(restore: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    step(core, INVERT_G, END, SWAP_RB)
    assert restore.juror.batches == [2]  # type: ignore[attr-defined]
    assert core.juror_calls.tolist() == [1, 0, 1]


def test_scores_start_from_the_prepared_ones_without_asking_the_juror(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    core = core_of(restore, split)
    assert restore.juror.batches == []  # type: ignore[attr-defined]
    assert core.scores.tolist() == [episode.start_score for episode in split.episodes]


def test_the_right_repair_reaches_the_target_exactly_and_ends_the_episode(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    core = core_of(restore, split)
    result = step(core, SWAP_RB, INVERT_G, INVERT_R)
    assert core.scores[[0, 2]].tolist() == core.target[[0, 2]].tolist()
    assert result.terminated.tolist() == [True, False, True]
    assert result.success.tolist() == [True, False, True]
    assert not result.truncated.any()


@pytest.mark.parametrize(("tolerance", "reached"), [(0.0, False), (0.011, True), (0.009, False)])
def test_a_score_within_the_jurors_tolerance_of_the_target_has_reached_it(
    restore: EnvComponents, split: PreparedSplit, tolerance: float, reached: bool
) -> None:
    class OfAnotherMachine(Redness):
        def score(self, photos: Sequence[Photo]) -> Floats:
            return super().score(photos) - 0.01

    OfAnotherMachine.tolerance = tolerance  # type: ignore[method-assign, assignment]
    reward = RlGuide(NoBonus(planned=False), step_penalty=0.0, terminal_bonus=1.0)
    core = core_of(replace(restore, juror=OfAnotherMachine(), reward=reward), split, 1)
    result = step(core, SWAP_RB)
    assert result.success.tolist() == result.terminated.tolist() == [reached]
    gain = core.scores[0] - core.start[0]
    assert result.rewards[0] == pytest.approx(gain + reached, abs=1e-9)


def test_the_reward_is_what_the_juror_gives_for_the_changed_photo(restore: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    before = core.scores.copy()
    result = step(core, INVERT_R, INVERT_B, SWAP_RB)
    assert result.rewards.tolist() == pytest.approx((restore.juror.score(core.photos) - before).tolist())


def test_an_episode_is_cut_off_after_its_last_step(restore: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    for expected in (False, False, True):
        result = step(core, INVERT_G, INVERT_G, INVERT_G)
        assert result.truncated.tolist() == [expected] * 3
    assert not result.terminated.any()


@pytest.mark.parametrize("way", ["told the steps left", "paid when it stops"])
def test_a_cut_is_the_end_where_the_agent_knows_the_time_or_nothing_more_can_be_earned(
    way: str, optimise: EnvComponents, split: PreparedSplit
) -> None:
    if way == "told the steps left":
        parts = replace(optimise, objective=replace(optimise.objective, extras=["score", "steps_left"]))
    else:
        parts = replace(optimise, reward=StopOnlyPlain(NoBonus(planned=False), penalty=0))
    core = core_of(parts, split)
    for _ in range(2):
        assert not step(core, INVERT_G, INVERT_G, INVERT_G).done.any()
    lookahead = core.look_ahead()
    result = step(core, INVERT_G, INVERT_G, STOP)
    assert lookahead.terminated.all()
    assert result.terminated.all() and not result.truncated.any()
    assert result.success.tolist() == [False] * 3


def test_without_the_steps_left_other_extras_leave_a_cut_a_cut(optimise: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(replace(optimise, objective=replace(optimise.objective, extras=["score", "last_action"])), split)
    for _ in range(2):
        step(core, INVERT_G, INVERT_G, INVERT_G)
    lookahead = core.look_ahead()
    result = step(core, INVERT_G, INVERT_G, STOP)
    assert lookahead.terminated.tolist() == [[False] * 4 + [True]] * 3
    assert result.truncated.tolist() == [True, True, False]
    assert result.terminated.tolist() == [False, False, True]


def test_stop_ends_an_episode_unchanged_and_costs_no_juror_call(optimise: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(optimise, split)
    before = core.photos[0].copy()
    result = step(core, STOP, SWAP_RB, STOP)
    assert result.terminated.tolist() == [True, False, True]
    assert result.success.tolist() == [False, True, False]
    assert (core.photos[0] == before).all()
    assert optimise.juror.batches == [1]  # type: ignore[attr-defined]


def test_a_gain_that_was_lost_again_is_no_success(optimise: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(optimise, split, n=1)
    step(core, SWAP_RB)
    step(core, SWAP_RB)
    assert step(core, STOP).success.tolist() == [False]


@pytest.mark.parametrize(("tolerance", "improved"), [(0.0, True), (0.011, False), (0.009, True)])
def test_a_score_within_the_jurors_tolerance_of_the_start_is_no_gain(
    optimise: EnvComponents, split: PreparedSplit, tolerance: float, improved: bool
) -> None:
    class Rounding(Redness):
        def score(self, photos: Sequence[Photo]) -> Floats:
            return super().score(photos) + 0.01

    Rounding.tolerance = tolerance  # type: ignore[method-assign, assignment]
    reward = RlGuide(FixedBonus(planned=False, value=10.0), step_penalty=0.0, terminal_bonus=5.0)
    core = core_of(replace(optimise, juror=Rounding(), reward=reward), split, 1)
    core.target[:] = core.start  # as of a photo that nobody degraded
    step(core, SWAP_RB)
    step(core, SWAP_RB)  # back to the pixels of the start
    assert core.look_ahead().rewards[0, STOP] == 15.0 * improved
    result = step(core, STOP)
    assert result.success.tolist() == [improved]
    assert result.rewards.tolist() == [15.0 * improved]


def test_reset_begins_new_episodes_where_asked_and_nowhere_else(restore: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    step(core, INVERT_G, INVERT_G, INVERT_G)
    kept = core.photos[2]
    core.reset([0, 1])
    assert core.steps.tolist() == [0, 0, 1]
    assert core.photos[2] is kept
    assert core.scores[0] == core.start[0] == core.starts[0].score


def test_an_action_that_is_none_is_an_error_and_changes_nothing(optimise: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(optimise, split)
    before = list(core.photos)
    with pytest.raises(ApsiError, match=r"7.* is no action: it must be a whole number from 0 to 4"):
        step(core, INVERT_G, 7, STOP)
    continuous = replace(optimise, actions=ParametricActions(["gamma", "contrast"], 1, 0))
    other = core_of(continuous, split)
    with pytest.raises(NoNumberError, match=r"nan.* must be 2 numbers from -1 to 1 \(gamma, contrast\)"):
        other.step(np.array([[0.5, 0.5], [0.5, np.nan], [0.5, 0.5]], np.float32))
    for each in (core, other):
        assert each.steps.tolist() == each.juror_calls.tolist() == [0, 0, 0]
    assert all(a is b for a, b in zip(core.photos, before, strict=True))


def test_prepared_photos_are_never_changed(restore: EnvComponents, split: PreparedSplit) -> None:
    source = InOrder(context(split))
    store = source.context.store
    before = [store.read(episode.photo).copy() for episode in split.episodes]
    core = EditCore(restore, source, 3)
    core.reset()
    for action in (INVERT_R, SWAP_RB, INVERT_B):
        step(core, action, action, action)
    after = [store.read(episode.photo) for episode in split.episodes]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_observations_have_one_size_whatever_the_photos_have(restore: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    observations = core.observe()
    assert observations.shape == (3, 3, 36, 36)
    assert observations.dtype == np.uint8
    assert (core.observe([1])[0] == observations[1]).all()


def test_many_episodes_at_once_go_as_each_would_alone(restore: EnvComponents, split: PreparedSplit) -> None:
    actions = np.random.default_rng(0).integers(0, 4, (3, 3))
    together = core_of(restore, split)
    paths = [step(together, *row).rewards for row in actions]
    for i, episode in enumerate(split.episodes):
        alone = EditCore(restore, InOrder(context(PreparedSplit("x", (episode,), "redness", 0, (), ""))), 1)
        alone.reset()
        assert [step(alone, row[i]).rewards[0] for row in actions] == [path[i] for path in paths]


def test_looking_ahead_tells_what_each_step_would_give_and_changes_nothing(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    core = core_of(optimise, split)
    step(core, INVERT_G, END, SWAP_RB)
    core.reset([1])
    lookahead = core.look_ahead()
    assert len(optimise.juror.batches) == 2  # type: ignore[attr-defined]  # one call for all
    scores, edits = core.scores.copy(), list(core.edits)
    for action in range(5):
        core.scores, core.edits, core.steps = scores.copy(), list(edits), core.steps * 0
        result = step(core, action, action, action)
        assert lookahead.rewards[:, action].tolist() == pytest.approx(result.rewards.tolist())
        assert lookahead.terminated[:, action].tolist() == result.terminated.tolist()
        assert np.array_equal(lookahead.observations[:, action], core.observe())


def test_extras_tell_the_steps_left_the_score_and_the_last_action(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    parts = replace(optimise, objective=replace(optimise.objective, extras=list(NAMES)))
    core = core_of(parts, split)
    first = core.observe()
    step(core, INVERT_G, SWAP_RB, INVERT_R)
    observations = core.observe([1])
    space, _ = spaces_of(parts.objective, parts.actions)
    assert isinstance(first, dict) and isinstance(observations, dict)
    assert space.contains({name: values[0] for name, values in observations.items()})
    assert first["last_action"].tolist() == [[0] * 5] * 3
    assert observations["last_action"].tolist() == [[0, 0, 0, 1, 0]]
    assert (first["steps_left"][0, 0], observations["steps_left"][0, 0]) == (1, pytest.approx(2 / 3))
    assert observations["score"][0, 0] == pytest.approx(core.scores[1] / 5 - 1)
    assert observations["photo"].shape == (1, 3, 36, 36)


def test_every_extra_that_can_be_named_exists() -> None:
    assert set(NAMES) == set(EXTRAS)
    with pytest.raises(ApsiError, match="Did you mean 'score'"):
        instantiate(load_config(["env.extras=[scores]"]).env)


def test_distances_reach_the_reward_that_asks_for_them(optimise: EnvComponents, split: PreparedSplit) -> None:
    reward = MultiObjective(NoBonus(planned=False), score=0, step_cost=0, distance=1)
    core = core_of(replace(optimise, reward=reward), split)
    start = split.episodes[0]
    store = core.source.context.store
    off = mean_difference(store.read(start.photo), store.read(start.original))
    assert step(core, SWAP_RB, END, END).rewards[0] == pytest.approx(off)  # all the way back
    assert step(core, SWAP_RB, END, END).rewards[0] == pytest.approx(-off)


def test_edits_that_repeat_reach_the_reward_that_asks_for_them(optimise: EnvComponents, split: PreparedSplit) -> None:
    reward = MultiObjective(NoBonus(planned=False), score=0, step_cost=0, distance=0, diversity=1)
    actions = DiscreteActions(["exposure(+0.350)", "exposure(-0.350)", "swap_gb"], stop=True)
    core = core_of(replace(optimise, reward=reward, actions=actions), split)
    assert step(core, 0, 2, 3).rewards.tolist() == [0, 0, 0]
    assert core.look_ahead().rewards.tolist() == [[-1, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 0]]
    other = core_of(replace(optimise, reward=reward, actions=actions), split)
    other.restore({name: part for name, part in core.state().items() if name != "kinds"})  # saved by earlier versions
    for each in (core, other):
        assert step(each, 1, 0, 3).rewards.tolist() == [-1, 0, 0]


def test_what_was_changed_and_clipped_since_the_start_reaches_the_reward_that_asks_for_it(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    actions = DiscreteActions(["exposure_up_strong", "exposure_down_strong", "crop_1_1"], stop=True)
    parts = replace(optimise, actions=actions, reward=Careful(NoBonus(planned=False), change=5, clipping=10))
    core, other = core_of(parts, split), core_of(parts, split)
    start = core.photos[0]
    brighter = by_label("exposure_up_strong")(start)
    newly = float(((brighter == 255).any(axis=2) & ~((start == 0) | (start == 255)).any(axis=2)).mean())
    assert newly > 0
    gain = float(np.diff(Redness().score([start, brighter]))[0])
    expected = gain - 5 * mean_difference(brighter, start) - 10 * newly
    assert core.look_ahead().rewards[0, 0] == pytest.approx(expected)
    assert step(core, 0, 0, 3).rewards.tolist()[::2] == pytest.approx([expected, 0])
    other.restore(core.state())
    ahead = core.look_ahead().rewards[:, :2].copy()
    assert np.allclose(step(other, 1, 1, 1).rewards, ahead[:, 1])
    assert np.allclose(step(core, 1, 1, 1).rewards, ahead[:, 1])
    core.reset([0])
    assert np.allclose(core.look_ahead().rewards[0], core_of(parts, split).look_ahead().rewards[0])
    assert np.isfinite(step(core, 2, 2, 2).rewards).all()  # of another size than the start


def test_multi_step_pays_out_deferred_rewards_later(restore: EnvComponents, split: PreparedSplit) -> None:
    objective = instantiate(load_config(["env=multi_step", "env.reward_every=2", "env.max_steps=3"]).env)
    at_once, late = core_of(restore, split, n=1), core_of(replace(restore, objective=objective), split, n=1)
    actions = (INVERT_R, INVERT_G, INVERT_R)  # green is nothing to this juror
    immediate = [step(at_once, action).rewards[0] for action in actions]
    paid = [step(late, action).rewards[0] for action in actions]
    assert abs(immediate[0]) > 1
    assert paid == pytest.approx([0, immediate[0] + immediate[1], immediate[2]])
    shaped = replace(objective, intermediate=0.5, shaping=2.0)
    shaped_core = core_of(replace(restore, objective=shaped), split, n=1)
    gain = step(shaped_core, INVERT_R).rewards[0]
    assert gain == pytest.approx(0.5 * immediate[0] + 2 * immediate[0])


def test_masks_leave_out_the_action_that_would_undo_the_last(optimise: EnvComponents, split: PreparedSplit) -> None:
    core = core_of(optimise, split)
    assert core.action_masks().all()
    step(core, INVERT_G, SWAP_RB, STOP)
    assert core.action_masks().tolist() == [
        [True, False, True, True, True],
        [True, True, True, False, True],
        [True] * 5,
    ]


def test_saved_episodes_go_on_with_their_photos_and_recipes(restore: EnvComponents, split: PreparedSplit) -> None:
    core, other = core_of(restore, split), core_of(restore, split)
    step(core, INVERT_G, INVERT_B, END)
    other.restore(core.state())
    for each in (core, other):
        step(each, SWAP_RB, SWAP_RB, INVERT_G)
    assert [edit.recipe.labels for edit in other.edits] == [
        ["invert_g", "swap_rb"],
        ["invert_b", "swap_rb"],
        ["invert_g"],
    ]
    assert all(np.array_equal(a, b) for a, b in zip(core.photos, other.photos, strict=True))
    assert all(np.array_equal(edit.recipe(edit.original), edit.view) for edit in other.edits)


def test_episodes_that_were_saved_as_photos_alone_go_on_from_these(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    core, other, third = (core_of(restore, split) for _ in range(3))
    step(core, INVERT_G, INVERT_B, END)
    saved = core.state()
    other.restore({**{name: part for name, part in saved.items() if name != "edits"}, "photos": core.photos})
    results = [step(each, SWAP_RB, SWAP_RB, INVERT_G) for each in (core, other)]
    assert results[0].rewards.tolist() == results[1].rewards.tolist()
    third.restore(other.state())
    for each in (other, third):
        assert all(np.array_equal(a, b) for a, b in zip(core.photos, each.photos, strict=True))
        assert all(np.array_equal(edit.recipe(edit.original), edit.view) for edit in each.edits)
    with pytest.raises(ValueError):
        other.restore({**saved, "edits": saved["edits"][:2]})


def test_deferred_rewards_are_saved_with_the_episodes(restore: EnvComponents, split: PreparedSplit) -> None:
    objective = instantiate(load_config(["env=multi_step", "env.reward_every=2"]).env)
    core, other = (core_of(replace(restore, objective=objective), split, n=1) for _ in range(2))
    step(core, INVERT_R)
    saved = core.state()
    assert saved["arrays"]["_deferred"] != 0
    other.restore(saved)
    assert step(core, INVERT_G).rewards.tolist() == step(other, INVERT_G).rewards.tolist() != [0]
