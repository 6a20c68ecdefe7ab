"""Rewards: signs, bonuses and sums, for all episodes at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.bonus import Bonus, FixedBonus, NoBonus, SigmoidBonus
from apsi.reward.careful import Careful
from apsi.reward.multi_objective import MultiObjective
from apsi.reward.nearer_original import NearerOriginal
from apsi.reward.rl_guide import RlGuide
from apsi.reward.score_difference import ClippedDifference, ScoreDifference, StepPenalized
from apsi.reward.stop_only import StopOnlyPlain, StopOnlyQuadratic

NONE = NoBonus(planned=False)
BONUSES: list[Bonus] = [NONE, FixedBonus(False, 0.5), SigmoidBonus(True, 2)]
REWARDS: list[Reward] = [
    reward
    for bonus in BONUSES
    for reward in (
        ScoreDifference(bonus),
        ClippedDifference(bonus, 0.5),
        StepPenalized(bonus, 0.1),
        RlGuide(bonus, 0.01, 0.1),
        StopOnlyPlain(bonus, 0.1),
        StopOnlyQuadratic(bonus, 0.1),
        MultiObjective(bonus, 2, 0.1, 1, 0.5),
        NearerOriginal(bonus, 10),
        Careful(bonus, 5, 10),
    )
]
WON = {"ended": True, "success": True}
scores = arrays(np.float64, 5, elements=st.floats(0, 10))
flags = arrays(np.bool_, 5)


def transition(before: object, after: object, **more: object) -> Transition:
    """A transition of one or several episodes that go on, unless `more` says otherwise."""
    before, after = np.atleast_1d(np.asarray(before, float)), np.atleast_1d(np.asarray(after, float))
    n = len(before)
    fields: dict[str, object] = {
        "start": before,
        "target": np.full(n, 9.0),
        "lowest": np.minimum(before, after),
        "step": np.ones(n, int),
        "stopped": np.zeros(n, bool),
        "ended": np.zeros(n, bool),
        "success": np.zeros(n, bool),
        "truncated": np.zeros(n, bool),
        "distance_before": np.zeros(n),
        "repeated": np.zeros(n, bool),
        "distance_after": np.zeros(n),
        **{f"{what}_{when}": np.zeros(n) for what in ("change", "clipped") for when in ("before", "after")},
    }
    return Transition(before=before, after=after, **(fields | {k: np.atleast_1d(v) for k, v in more.items()}))  # type: ignore[arg-type]


@given(before=scores, after=scores, ended=flags, success=flags)
def test_each_episode_gets_what_it_would_get_alone(
    before: Floats, after: Floats, ended: np.ndarray, success: np.ndarray
) -> None:
    together = transition(before, after, ended=ended, success=success)
    alone = [transition(before[i], after[i], ended=ended[i], success=success[i]) for i in range(len(before))]
    for reward in REWARDS:
        rewards = reward(together)
        assert rewards.shape == (5,), reward
        assert rewards.tolist() == [reward(one)[0] for one in alone], reward


@given(before=scores, after=scores)
def test_a_better_outcome_is_never_worth_less(before: Floats, after: Floats) -> None:
    as_it_is, better = transition(before, after), transition(before, np.minimum(after + 0.5, 10))
    for reward in REWARDS:
        assert (reward(better) >= reward(as_it_is)).all(), reward


@given(arrays(np.float64, 6, elements=st.floats(0, 10)))
def test_score_differences_add_up_to_the_gain_of_the_episode(path: Floats) -> None:
    """So neither long nor roundabout episodes pay by themselves."""
    total = ScoreDifference(NONE)(transition(path[:-1], path[1:])).sum()
    assert total == pytest.approx(path[-1] - path[0])


def test_rl_guide_takes_the_penalty_each_step_and_gives_the_bonus_only_at_the_target() -> None:
    reward = RlGuide(NONE, step_penalty=0.01, terminal_bonus=0.1)
    assert reward(transition(4, 5))[0] == pytest.approx(0.99)
    assert reward(transition(4, 9, ended=True))[0] == pytest.approx(5 - 0.01 + 0.1)
    assert reward(transition(4, 8.9, ended=True))[0] == pytest.approx(4.9 - 0.01)
    assert reward(transition(4, 9, ended=False))[0] == pytest.approx(5 - 0.01)


def test_rl_guide_does_not_pay_for_leaving_a_photo_that_nobody_degraded_as_it_is() -> None:
    reward = RlGuide(NONE, step_penalty=0.01, terminal_bonus=0.1)
    at_once = {"target": 6, "ended": True, "stopped": True}
    assert reward(transition(6, 6, **at_once))[0] == pytest.approx(-0.01)
    assert reward(transition(7, 7, start=6, success=True, **at_once))[0] == pytest.approx(0.09)


def test_clipped_difference_goes_no_further_than_its_limit() -> None:
    reward = ClippedDifference(NONE, 0.5)
    assert reward(transition([4, 4, 4, 4], [4.3, 9, 3.7, 0])).tolist() == pytest.approx([0.3, 0.5, -0.3, -0.5])


def test_the_step_penalty_spares_stop() -> None:
    reward = StepPenalized(NONE, 0.25)
    assert reward(transition([4, 4], [5, 4], stopped=[False, True])).tolist() == [0.75, 0]


def test_stop_only_pays_the_whole_gain_once_and_not_where_it_is_cut_off() -> None:
    """Start minus final would reward making photos worse."""
    plain, quadratic = StopOnlyPlain(FixedBonus(False, 1), 0.1), StopOnlyQuadratic(NONE, 0.1)
    on = transition([5, 5], [6, 6], start=[3, 3])
    assert plain(on).tolist() == quadratic(on).tolist() == [0, 0]
    stopped = transition([6, 2], [6, 2], start=[3, 3], stopped=True, ended=True, success=[True, False], step=[4, 4])
    assert plain(stopped).tolist() == pytest.approx([3 - 0.4 + 1, -1 - 0.4])
    assert quadratic(stopped).tolist() == pytest.approx([36 - 9 - 0.4, 4 - 9 - 0.4])
    reached = transition(5, 6, start=3.0, **WON)
    assert plain(reached)[0] == pytest.approx(3 - 0.1 + 1)
    assert plain(transition(5, 6, start=3.0, truncated=True, **WON))[0] == 0


def test_multi_objective_weighs_score_steps_and_the_distance_from_the_original() -> None:
    reward = MultiObjective(NONE, score=2, step_cost=0.1, distance=10)
    step = transition([4, 4], [5, 5], distance_before=[0.1, 0.3], distance_after=[0.2, 0.1], stopped=[False, True])
    assert reward(step).tolist() == pytest.approx([2 - 0.1 - 1, 2 + 2])


def test_an_edit_of_a_kind_that_the_episode_already_had_costs_what_diversity_is_worth() -> None:
    reward = MultiObjective(NONE, score=1, step_cost=0, distance=0, diversity=0.3)
    assert reward(transition([4, 4], [5, 5], repeated=[False, True])).tolist() == pytest.approx([1, 1 - 0.3])
    assert reward.needs_repeats and not MultiObjective(NONE, 1, 0, 0).needs_repeats


def test_the_sigmoid_bonus_asks_more_of_photos_that_were_good_already() -> None:
    reward = ScoreDifference(SigmoidBonus(planned=False, value=1.0))
    assert reward(transition(5, 5, **WON))[0] == pytest.approx(0.5 + 0.5)
    assert reward(transition(9, 9, **WON))[0] == pytest.approx(0.5 + 1 / (1 + np.exp(-4)))
    assert reward(transition(1, 1, **WON))[0] == pytest.approx(0.5 + 1 / (1 + np.exp(4)))


@pytest.mark.parametrize("bonus", BONUSES, ids=repr)
def test_a_bonus_is_paid_at_the_end_of_a_success_and_never_else(bonus: Bonus) -> None:
    reward = ScoreDifference(bonus)
    assert reward(transition(5, 6, ended=True))[0] == reward(transition(5, 6, success=True))[0] == 1
    assert (reward(transition(5, 6, **WON))[0] > 1) == (bonus is not NONE)


def test_planned_pays_for_a_detour_that_ended_well_and_for_nothing_else() -> None:
    reward = ScoreDifference(NoBonus(planned=True))
    assert reward(transition(5, 6, lowest=4.0, **WON))[0] == pytest.approx(2)
    assert reward(transition(5, 6, lowest=5.0, **WON))[0] == pytest.approx(1)
    assert reward(transition(5, 6, lowest=4.0, ended=True))[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("reward", "bonus"),
    [
        *(("score_difference", "none"), ("score_difference", "fixed"), ("score_difference", "sigmoid")),
        *(("clipped_difference", "fixed"), ("step_penalized", "sigmoid"), ("rl_guide", "fixed")),
        *(
            ("careful", "fixed"),
            ("multi_objective", "sigmoid"),
            ("stop_only_plain", "fixed"),
            ("stop_only_quadratic", "sigmoid"),
        ),
    ],
)
def test_every_reward_takes_a_bonus_on_the_command_line(reward: str, bonus: str) -> None:
    made = instantiate(load_config([f"reward={reward}", f"reward/bonus={bonus}", "reward.bonus.planned=true"]).reward)
    assert type(made).__name__.lower() == reward.replace("_", "")
    assert type(made.bonus).__name__.lower() == f"{bonus.replace('none', 'no')}bonus"
    assert made.bonus.planned


@given(distances=arrays(np.float64, 6, elements=st.floats(0, 1)))
def test_nearer_original_sums_to_how_much_nearer_an_episode_ended_whatever_the_juror_says(distances: Floats) -> None:
    steps = transition(np.zeros(5), np.full(5, 9.0), distance_before=distances[:-1], distance_after=distances[1:])
    assert NearerOriginal(NONE, 10)(steps).sum() == pytest.approx(10 * (distances[0] - distances[-1]))


shares = arrays(np.float64, 6, elements=st.floats(0, 1))


def careful_steps(path: Floats, changes: Floats, clipped: Floats) -> Transition:
    """One episode, step by step."""
    more = {"change_before": changes[:-1], "change_after": changes[1:]}
    return transition(path[:-1], path[1:], **more, clipped_before=clipped[:-1], clipped_after=clipped[1:])


@given(path=arrays(np.float64, 6, elements=st.floats(0, 10)), changes=shares, clipped=shares)
def test_careful_without_prices_is_the_difference_and_with_them_sums_to_gain_less_cost(
    path: Floats, changes: Floats, clipped: Floats
) -> None:
    changes[0] = clipped[0] = 0  # of the start from itself
    steps = careful_steps(path, changes, clipped)
    assert Careful(NONE, 0, 0)(steps).tolist() == ScoreDifference(NONE)(steps).tolist()
    assert Careful(NONE, 5, 10)(steps).sum() == pytest.approx(path[-1] - path[0] - 5 * changes[-1] - 10 * clipped[-1])


def test_careful_pays_for_what_is_taken_back_and_charges_for_what_is_changed_or_clipped() -> None:
    for what, price in (("change", 5), ("clipped", 10)):
        more, less = (
            transition(6, 6, **{f"{what}_before": a, f"{what}_after": b}) for a, b in ((0.1, 0.3), (0.3, 0.1))
        )
        assert Careful(NONE, 5, 10)(more)[0] == pytest.approx(-0.2 * price)
        assert Careful(NONE, 5, 10)(less)[0] == pytest.approx(0.2 * price)
    assert Careful(NONE, 5, 10)(transition(6, 6, stopped=True, ended=True))[0] == 0
