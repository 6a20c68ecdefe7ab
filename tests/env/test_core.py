"""The editing core: one juror call a step, right scores, right endings."""

import numpy as np
import pytest

from apsi.env.core import END, Components, EditCore
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit

INVERT_R, INVERT_G, INVERT_B, SWAP_RB, STOP = range(5)


class InOrder:
    """The episodes of a split again and again."""

    def __init__(self, split: PreparedSplit) -> None:
        self.split, self.taken = split, 0

    def next(self) -> Episode:
        self.taken += 1
        return self.split.episodes[(self.taken - 1) % len(self.split.episodes)]

    def reseed(self, seed: int) -> None:
        self.taken = 0


def core_of(components: Components, split: PreparedSplit, n: int = 3) -> EditCore:
    core = EditCore(components, InOrder(split), n, PhotoStore())
    core.reset()
    return core


def step(core: EditCore, *actions: int):  # type: ignore[no-untyped-def]
    return core.step(np.array(actions, dtype=np.int64))


def test_a_step_scores_all_changed_photos_in_one_juror_call(restore: Components, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    step(core, INVERT_G, END, SWAP_RB)
    assert restore.juror.batches == [2]  # type: ignore[attr-defined]
    assert core.juror_calls.tolist() == [1, 0, 1]


def test_scores_start_from_the_prepared_ones_without_asking_the_juror(
    restore: Components, split: PreparedSplit
) -> None:
    core = core_of(restore, split)
    assert restore.juror.batches == []  # type: ignore[attr-defined]
    assert core.scores.tolist() == [episode.start_score for episode in split.episodes]


def test_the_right_repair_reaches_the_target_exactly_and_ends_the_episode(
    restore: Components, split: PreparedSplit
) -> None:
    core = core_of(restore, split)
    result = step(core, SWAP_RB, INVERT_G, INVERT_R)
    assert core.scores[[0, 2]].tolist() == core.target[[0, 2]].tolist()
    assert result.terminated.tolist() == [True, False, True]
    assert result.success.tolist() == [True, False, True]
    assert not result.truncated.any()


def test_the_reward_is_what_the_juror_gives_for_the_changed_photo(restore: Components, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    before = core.scores.copy()
    result = step(core, INVERT_R, INVERT_B, SWAP_RB)
    assert result.rewards.tolist() == pytest.approx((restore.juror.score(core.photos) - before).tolist())


def test_an_episode_is_cut_off_after_its_last_step(restore: Components, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    for expected in (False, False, True):
        result = step(core, INVERT_G, INVERT_G, INVERT_G)
        assert result.truncated.tolist() == [expected] * 3
    assert not result.terminated.any()


def test_stop_ends_an_episode_unchanged_and_costs_no_juror_call(optimise: Components, split: PreparedSplit) -> None:
    core = core_of(optimise, split)
    before = core.photos[0].copy()
    result = step(core, STOP, SWAP_RB, STOP)
    assert result.terminated.tolist() == [True, False, True]
    assert result.success.tolist() == [False, True, False]
    assert (core.photos[0] == before).all()
    assert optimise.juror.batches == [1]  # type: ignore[attr-defined]


def test_a_gain_that_was_lost_again_is_no_success(optimise: Components, split: PreparedSplit) -> None:
    core = core_of(optimise, split, n=1)
    step(core, SWAP_RB)
    step(core, SWAP_RB)
    assert step(core, STOP).success.tolist() == [False]


def test_reset_begins_new_episodes_where_asked_and_nowhere_else(restore: Components, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    step(core, INVERT_G, INVERT_G, INVERT_G)
    kept = core.photos[2]
    core.reset([0, 1])
    assert core.steps.tolist() == [0, 0, 1]
    assert core.photos[2] is kept
    assert core.scores[0] == core.start[0] == core.episodes[0].start_score


def test_prepared_photos_are_never_changed(restore: Components, split: PreparedSplit) -> None:
    store = PhotoStore()
    before = [store.read(episode.photo).copy() for episode in split.episodes]
    core = EditCore(restore, InOrder(split), 3, store)
    core.reset()
    for action in (INVERT_R, SWAP_RB, INVERT_B):
        step(core, action, action, action)
    after = [store.read(episode.photo) for episode in split.episodes]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_observations_have_one_size_whatever_the_photos_have(restore: Components, split: PreparedSplit) -> None:
    core = core_of(restore, split)
    observations = core.observe()
    assert observations.shape == (3, 3, 36, 36)
    assert observations.dtype == np.uint8
    assert (core.observe([1])[0] == observations[1]).all()


def test_many_episodes_at_once_go_as_each_would_alone(restore: Components, split: PreparedSplit) -> None:
    actions = np.random.default_rng(0).integers(0, 4, (3, 3))
    together = core_of(restore, split)
    paths = [step(together, *row).rewards for row in actions]
    for i, episode in enumerate(split.episodes):
        alone = EditCore(restore, InOrder(PreparedSplit("x", (episode,), "redness", 0, (), "")), 1, PhotoStore())
        alone.reset()
        assert [step(alone, row[i]).rewards[0] for row in actions] == [path[i] for path in paths]
