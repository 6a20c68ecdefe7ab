"""How often each action was taken: STOP counts, amounts don't, and shares over time are those of the validations."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from apsi.env.core import EnvComponents
from apsi.evaluate.actions import ActionUse, action_shares, action_table, actions_of, shares_over_time
from apsi.evaluate.plots import action_history
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import Choice, Policy, PolicyContext, no_calls
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.reward.bonus import NoBonus
from apsi.reward.score_difference import StepPenalized

Results = dict[str, list[EpisodeResult]]


@pytest.fixture
def played(results: Results) -> list[EpisodeResult]:
    one = results["greedy"][0]
    return [
        replace(one, actions=("invert_r", "swap_rb"), success=True, stopped=True),
        replace(one, actions=("invert_r", "exposure(+0.20)"), success=False),
        replace(one, actions=("exposure(-0.10)",), success=True),
        replace(one, actions=(), success=False, stopped=True),
    ]


def test_stop_is_an_action_and_an_adjustment_one_whatever_its_amount(played: list[EpisodeResult]) -> None:
    assert actions_of(played[0]) == ("invert_r", "swap_rb", "stop")
    assert actions_of(played[1]) == ("invert_r", "exposure")
    shares = action_shares(played, ["swap_rb", "invert_g", "stop"])
    expected = {"swap_rb": 1 / 7, "invert_g": 0.0, "stop": 2 / 7, "exposure": 2 / 7, "invert_r": 2 / 7}
    assert shares == pytest.approx(expected) and sum(shares.values()) == pytest.approx(1)
    assert action_shares([], ["stop"]) == {"stop": 0.0}


def test_the_table_says_how_often_and_with_what_success(played: list[EpisodeResult]) -> None:
    assert action_table(played) == [
        ActionUse("exposure", 2, pytest.approx(2 / 7), 1, 1),
        ActionUse("invert_r", 2, pytest.approx(2 / 7), 1, 2),
        ActionUse("stop", 2, pytest.approx(2 / 7), 1, 1),
        ActionUse("swap_rb", 1, pytest.approx(1 / 7), 1, 0),
    ]
    assert action_table([]) == []


def test_shares_over_time_are_those_of_the_validations_that_recorded_any() -> None:
    history: list[dict[str, Any]] = [
        {"timesteps": 10, "val_success_rate": 0.1},  # of an earlier version
        {"timesteps": 20, "val_actions/invert_r": 0.25, "val_actions/stop": 0.75},
        {"timesteps": 30, "val_actions/invert_r": 1.0, "val_actions/stop": 0.0, "val_actions/gray": 0.0},
    ]
    steps, shares = shares_over_time(history)
    assert steps == [20, 30]
    assert shares == {"invert_r": [0.25, 1.0], "stop": [0.75, 0.0], "gray": [0.0, 0.0]}
    text = action_history(history)
    assert "invert_r 100" in text and "stop 0" in text and "gray" not in text
    assert action_history(history[:2]) == ""


def test_a_picture_of_many_actions_puts_the_rare_ones_together() -> None:
    labels = {f"val_actions/edit_{i:02}": (i + 1) / 78 for i in range(12)}
    text = action_history([{"timesteps": step, **labels} for step in (10, 20)])
    words = re.findall(r">([^<>]+)</text>", text)
    assert "5 others" in words and "edit_11" in words and "edit_00" not in words
    assert "5 others 19" in text  # of 78: 1 + 2 + 3 + 4 + 5


class Plays(Policy):
    """The same edit twice, then STOP."""

    def __init__(self, context: PolicyContext) -> None:
        super().__init__(context)
        self._step = 0

    def choose(self, core: Any, active: Any) -> Choice:
        actions = core.actions.end(len(active))
        actions[:] = [1, 1, 4][self._step]
        self._step += 1
        return Choice(actions, no_calls(active))


def test_an_episodes_reward_is_the_sum_over_its_steps_and_it_says_whether_it_was_ended(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    parts = replace(optimise, reward=StepPenalized(NoBonus(planned=False), 0.25))
    results = list(
        roll_out(
            Plays(PolicyContext(parts, None, np.random.default_rng(0))),
            parts,
            split.episodes,
            batch_size=3,
            store=PhotoStore(),
        )
    )
    assert [result.actions for result in results] == [("invert_g", "invert_g")] * 3
    assert all(result.stopped for result in results)
    for result in results:
        assert result.reward == pytest.approx(result.gain - 2 * 0.25)  # STOP costs nothing
