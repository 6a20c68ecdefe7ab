"""Runs on the comparison page are told apart by what differs, and what came out is said in words."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from apsi.evaluate.comparison_page import ascii_letters, short_names, write_comparison
from tests.evaluate.test_comparison import Outcomes, compared, near
from tests.evaluate.test_report import Page

FOLDER = "/home/someone/outputs/pipeline/2026-11-23_10-11-12-123456"


def test_a_component_stands_for_its_settings_and_what_is_of_the_machine_is_left_out() -> None:
    differing = {
        "algo._target_": ["apsi.algo.ppo.Ppo", "apsi.algo.dqn.Dqn"],
        "algo.batch_size": ["512", "256"],
        "algo.schedule._target_": ["apsi.algo.schedule.fixed.Linear", "apsi.algo.schedule.fixed.Constant"],
        "data_dir": ["a", "b"],
        "seed": ["1", "2"],
        "env.extra": ["", "x"],
    }
    assert short_names(differing, 2) == ["algo=ppo, env.extra=none, seed=1", "algo=dqn, env.extra=x, seed=2"]


def test_components_are_named_as_options_are_whatever_module_they_share() -> None:
    rewards = ["apsi.reward.stop_only.StopOnlyPlain", "apsi.reward.score_difference.ScoreDifference"]
    assert short_names({"reward._target_": rewards}, 2) == ["reward=stop_only_plain", "reward=score_difference"]
    schedules = ["apsi.algo.schedule.fixed.Linear", "apsi.algo.schedule.fixed.WarmupCosine"]
    assert short_names({"algo.schedule._target_": schedules}, 2) == [
        "algo.schedule=linear",
        "algo.schedule=warmup_cosine",
    ]
    policies = ["apsi.policy.agent.Agent", "apsi.policy.nothing.Nothing"]
    assert short_names({"policy.x._target_": policies}, 2) == ["policy.x=agent", "policy.x=nothing"]


def test_classes_of_one_module_are_told_apart_and_alike_runs_have_no_name() -> None:
    targets = ["apsi.policy.random.Random", "apsi.policy.random.Other"]
    assert short_names({"policy.x._target_": targets}, 2) == ["policy.x=Random", "policy.x=Other"]
    assert short_names({}, 2) == ["", ""]


def test_there_are_letters_for_any_number_of_runs() -> None:
    assert ascii_letters(3) == ["A", "B", "C"]
    assert len(set(ascii_letters(60))) == 60 and ascii_letters(27)[-1] == "A2"


@pytest.mark.parametrize(
    ("gain", "said"), [(0.5, "0.500 more (95 % interval"), (-0.5, "0.500 less"), (0.0, "no difference")]
)
def test_the_page_says_what_came_out_and_names_runs_in_legends(tmp_path: Path, gain: float, said: str) -> None:
    outcomes: Outcomes = [(f"{i}.jpg", float(i % 2), i / 7) for i in range(12)]
    better: Outcomes = [(photo, success, value + gain) for photo, success, value in outcomes]
    curve: list[tuple[int, float]] = [(0, 0.1), (100, 0.6)]
    runs = [
        replace(compared(FOLDER, outcomes), curve=curve),
        replace(compared(FOLDER.replace("10-11", "22-10"), better, gamma="0.5"), curve=curve),
    ]
    write_comparison(tmp_path, runs)
    text = (tmp_path / "comparison.html").read_text()
    page = Page(text)
    assert "2 runs on the same 12 episodes of 12 photos" in page.text
    assert said in page.text and ("more than chance" in page.text) is bool(gain)
    legend = re.findall(r"<text[^>]*>([AB]: [^<]+)</text>", text)
    assert legend == ["A: algo.gamma=0.9", "B: algo.gamma=0.5 (same as A: algo.gamma=0.9)"]
    assert text.count(FOLDER) == 1 and "same as" in text
    assert {values.get("role") for values in page.all("div")} >= {"region"}


def test_with_one_photo_the_page_says_that_nothing_can_be_said(tmp_path: Path) -> None:
    one: Outcomes = [("p", 0.0, 0.0), ("p", 1.0, 1.0)]
    two: Outcomes = [("p", 1.0, 1.0), ("p", 1.0, 1.0)]
    write_comparison(tmp_path, [compared("a", one), compared("b", two, gamma="0.5")])
    text = Page((tmp_path / "comparison.html").read_text()).text
    assert "All episodes are of one photo" in text and "whether that is chance can't be told" in text


def test_the_distance_to_the_true_photos_has_a_table_where_it_is_known(tmp_path: Path) -> None:
    write_comparison(tmp_path, [near("a", 0.9, 0.02), near("b", 0.7, 0.02)])
    text = Page((tmp_path / "comparison.html").read_text()).text
    assert "How near the true photos are" in text and "+0.200 *" in text and "10 → 7" in text
    write_comparison(tmp_path, [compared("a", [("p", 0.0, 0.0)]), compared("b", [("p", 1.0, 1.0)])])
    assert "true photos" not in (tmp_path / "comparison.html").read_text()
