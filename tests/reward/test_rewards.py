"""Rewards: signs, bonuses and sums, for all episodes at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from apsi.photo import Floats
from apsi.reward.base import Reward, Transition
from apsi.reward.rl_guide import RlGuide
from apsi.reward.score_difference import ScoreDifference
from apsi.reward.sigmoid_bonus import SigmoidBonus

REWARDS: list[Reward] = [
    ScoreDifference(),
    ScoreDifference(bonus=0.5),
    RlGuide(),
    SigmoidBonus(),
    SigmoidBonus(2, True),
]
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
    }
    return Transition(before=before, after=after, **(fields | {k: np.atleast_1d(v) for k, v in more.items()}))  # type: ignore[arg-type]


@pytest.mark.parametrize("reward", REWARDS, ids=repr)
@given(before=scores, after=scores, ended=flags, success=flags)
def test_each_episode_gets_what_it_would_get_alone(
    reward: Reward, before: Floats, after: Floats, ended: np.ndarray, success: np.ndarray
) -> None:
    together = reward(transition(before, after, ended=ended, success=success))
    alone = [reward(transition(before[i], after[i], ended=ended[i], success=success[i]))[0] for i in range(len(before))]
    assert together.shape == (5,)
    assert together.tolist() == alone


@pytest.mark.parametrize("reward", REWARDS, ids=repr)
@given(before=scores, after=scores)
def test_a_better_outcome_is_never_worth_less(reward: Reward, before: Floats, after: Floats) -> None:
    better = np.minimum(after + 0.5, 10)
    assert (reward(transition(before, better)) >= reward(transition(before, after))).all()


@given(arrays(np.float64, 6, elements=st.floats(0, 10)))
def test_score_differences_add_up_to_the_gain_of_the_episode(path: Floats) -> None:
    """So neither long nor roundabout episodes pay by themselves."""
    total = ScoreDifference()(transition(path[:-1], path[1:])).sum()
    assert total == pytest.approx(path[-1] - path[0])


def test_rl_guide_takes_the_penalty_each_step_and_gives_the_bonus_only_at_the_target() -> None:
    reward = RlGuide(step_penalty=0.01, terminal_bonus=0.1)
    assert reward(transition(4, 5))[0] == pytest.approx(0.99)
    assert reward(transition(4, 9, ended=True))[0] == pytest.approx(5 - 0.01 + 0.1)
    assert reward(transition(4, 8.9, ended=True))[0] == pytest.approx(4.9 - 0.01)
    assert reward(transition(4, 9, ended=False))[0] == pytest.approx(5 - 0.01)


def test_sigmoid_bonus_asks_more_of_photos_that_were_good_already() -> None:
    reward = SigmoidBonus(bonus=1.0)
    won = {"ended": True, "success": True}
    assert reward(transition(5, 5, **won))[0] == pytest.approx(0.5 + 0.5)
    assert reward(transition(9, 9, **won))[0] == pytest.approx(0.5 + 1 / (1 + np.exp(-4)))
    assert reward(transition(1, 1, **won))[0] == pytest.approx(0.5 + 1 / (1 + np.exp(4)))
    assert reward(transition(5, 6, ended=True))[0] == pytest.approx(1)
    assert reward(transition(5, 6, success=True))[0] == pytest.approx(1)


def test_planned_pays_for_a_detour_that_ended_well_and_for_nothing_else() -> None:
    reward = SigmoidBonus(bonus=0.0, planned=True)
    assert reward(transition(5, 6, lowest=4.0, ended=True, success=True))[0] == pytest.approx(2)
    assert reward(transition(5, 6, lowest=5.0, ended=True, success=True))[0] == pytest.approx(1)
    assert reward(transition(5, 6, lowest=4.0, ended=True))[0] == pytest.approx(1)
