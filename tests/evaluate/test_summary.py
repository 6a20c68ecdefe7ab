"""Figures of an evaluation."""

import csv
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from apsi.evaluate.diagnosis import Finding
from apsi.evaluate.outcome import sentences
from apsi.evaluate.run import write_summary
from apsi.evaluate.summary import COLUMNS, as_dict, summarise, write_results
from apsi.evaluate.truth import Truth
from apsi.policy.rollout import EpisodeResult
from apsi.tracking.description import description
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder


def test_the_summary_is_what_the_episodes_say(results: dict[str, list[EpisodeResult]]) -> None:
    played = results["greedy"]
    summary = summarise(played)
    assert summary.success_rate == 1
    assert summary.mean_gain == pytest.approx(sum(r.final_score - r.episode.start_score for r in played) / 3)
    assert summary.mean_steps == 1
    assert summary.juror_calls == 12
    assert set(as_dict({"greedy": summary})["greedy"]) == {
        "success_rate",
        "success_ci95",
        "mean_gain",
        "mean_gain_ci95",
        "mean_steps",
        "juror_calls",
        "photos",
        "sees_original",
        "measures",
        "undegraded",
        *vars(Truth()),
    }


def test_intervals_count_photos_not_episodes(results: dict[str, list[EpisodeResult]]) -> None:
    """Ten times the same episodes say no more."""
    played = results["greedy"]
    assert summarise(played).photos == summarise(10 * played).photos == 3
    assert summarise(10 * played).success_ci95 == summarise(played).success_ci95 == pytest.approx((0.4385, 1), abs=1e-4)
    assert summarise(10 * played).mean_gain_ci95 == pytest.approx(summarise(played).mean_gain_ci95)


def test_near_duplicates_count_as_one_photo(results: dict[str, list[EpisodeResult]]) -> None:
    played = results["greedy"]
    copy = replace(played[1], episode=replace(played[1].episode, copy_of=played[0].episode.source_hash))
    assert summarise([played[0], copy, played[2]]).photos == 2
    assert summarise([played[0], copy]).success_ci95 is None


def test_one_photo_has_no_interval_and_the_table_says_so(
    results: dict[str, list[EpisodeResult]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = {name: 5 * played[:1] for name, played in results.items()}
    summaries = {name: summarise(played) for name, played in one.items()}
    summary = {"split": "test", "episodes": 5, "photos": 1, "policies": as_dict(summaries)}
    assert [summary["policies"]["greedy"][name] for name in ("success_ci95", "mean_gain_ci95", "photos")] == [
        None,
        None,
        1,
    ]
    folder = RunFolder(tmp_path)
    folder.note(command="python run.py")
    write_summary(summary, folder, NoTracker())
    printed = capsys.readouterr().out
    assert "5 episodes of 1 photo" in printed and "no intervals" in printed


def test_what_goes_wrong_is_said_below_the_table(
    results: dict[str, list[EpisodeResult]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = as_dict({name: summarise(played) for name, played in results.items()})
    finding = Finding("No better than leaving photos alone", "It did nothing [at all].", ("more photos", "a=1"))
    folder = RunFolder(tmp_path)
    folder.note(command="python run.py")
    summary = {"split": "test", "episodes": 3, "photos": 3, "policies": policies, "diagnosis": [asdict(finding)]}
    write_summary(summary, folder, NoTracker())
    below = capsys.readouterr().out.partition("intervals: from resampling photos")[2]
    assert "\nNo better than leaving photos alone. It did nothing [at all]. What may help: more photos; a=1\n" in below


def test_results_csv_has_a_line_an_episode_and_policy(results: dict[str, list[EpisodeResult]], tmp_path: Path) -> None:
    write_results(tmp_path / "results.csv", results)
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == (*COLUMNS, "before distance", "after distance")
    assert [(row["policy"], row["photo"]) for row in rows] == [
        (policy, f"{i}.jpg") for policy in ("greedy", "nothing") for i in range(3)
    ]
    assert rows[0]["actions"] == rows[0]["degradation"] == "swap_rb"
    assert float(rows[0]["final_score"]) == results["greedy"][0].final_score
    assert float(rows[0]["before distance"]) > float(rows[0]["after distance"]) == 0  # greedy restores it
    assert rows[3]["before distance"] == rows[3]["after distance"] == rows[0]["before distance"]


def test_an_episode_knows_the_score_of_every_state(results: dict[str, list[EpisodeResult]]) -> None:
    for result in (*results["greedy"], *results["nothing"]):
        assert len(result.scores) == result.steps + 1
        assert (result.scores[0], result.scores[-1]) == (result.episode.start_score, result.final_score)


def test_a_policy_that_looks_at_the_originals_is_marked_wherever_its_figures_stand(
    results: dict[str, list[EpisodeResult]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summaries = {name: summarise(played, (), name == "greedy") for name, played in results.items()}
    summary = {"split": "test", "episodes": 3, "photos": 3, "policies": as_dict(summaries)}
    assert summary["policies"]["greedy"]["sees_original"] and not summary["policies"]["nothing"]["sees_original"]
    folder = RunFolder(tmp_path)
    folder.note(command="python run.py")
    write_summary(summary, folder, NoTracker())
    assert "sees the original" in " ".join(capsys.readouterr().out.split())
    assert "greedy (sees the original) |" in description(folder.record(), summary)
    said = sentences({**summary, "degraded": True}, summaries, "nothing")
    assert "greedy (sees the original) 100" in " ".join(said)
