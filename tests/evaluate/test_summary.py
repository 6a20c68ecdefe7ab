"""Figures, pictures and the report of an evaluation."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from apsi.env.core import Components
from apsi.evaluate.measure import distance
from apsi.evaluate.pictures import TILE, mosaic, save_pictures
from apsi.evaluate.report import write_report
from apsi.evaluate.rollout import EpisodeResult, roll_out
from apsi.evaluate.run import write_summary
from apsi.evaluate.saver import ImageSaver
from apsi.evaluate.summary import COLUMNS, as_dict, summarise, write_results
from apsi.evaluate.video import write_video
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import PolicyContext
from apsi.policy.greedy import Greedy
from apsi.policy.nothing import Nothing
from apsi.run_folder import RunFolder
from apsi.tracking.none import NoTracker

SUMMARY = {
    "split": "test",
    "episodes": 3,
    "photos": 3,
    "dataset": "<script>alert(1)</script>",
    "juror": "redness",
    "seed": 1,
    "seconds": {"train": 60.0},
    "train_timesteps": 1000,
}


@pytest.fixture
def results(restore: Components, split: PreparedSplit) -> dict[str, list[EpisodeResult]]:
    def play(kind: type[Greedy] | type[Nothing], pictures: int) -> list[EpisodeResult]:
        policy = kind(PolicyContext(restore, None, np.random.default_rng(0)))
        taken = roll_out(
            policy,
            restore,
            split.episodes,
            batch_size=2,
            store=PhotoStore(),
            pictures=pictures,
            measures={"distance": distance},
        )
        return list(taken)

    return {"greedy": play(Greedy, 2), "nothing": play(Nothing, 0)}


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
        "measures",
    }


def test_intervals_count_photos_not_episodes(results: dict[str, list[EpisodeResult]]) -> None:
    """Ten times the same episodes say no more."""
    played = results["greedy"]
    assert summarise(played).photos == summarise(10 * played).photos == 3
    assert summarise(10 * played).success_ci95 == summarise(played).success_ci95 == pytest.approx((0.4385, 1), abs=1e-4)
    assert summarise(10 * played).mean_gain_ci95 == pytest.approx(summarise(played).mean_gain_ci95)


def test_one_photo_has_no_interval_and_every_page_says_so(
    results: dict[str, list[EpisodeResult]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = {name: 5 * played[:1] for name, played in results.items()}
    summaries = {name: summarise(played) for name, played in one.items()}
    summary = {**SUMMARY, "episodes": 5, "photos": 1, "policies": as_dict(summaries)}
    assert [summary["policies"]["greedy"][name] for name in ("success_ci95", "mean_gain_ci95", "photos")] == [
        None,
        None,
        1,
    ]
    write_summary(summary, RunFolder(tmp_path), NoTracker())
    printed = capsys.readouterr().out
    assert "5 episodes of 1 photo" in printed and "no intervals" in printed
    write_report(
        tmp_path / "report.html",
        summary=summary,
        summaries=summaries,
        results=one,
        shown="greedy",
        history=[],
        config="",
    )
    page = (tmp_path / "report.html").read_text()
    assert "there are no intervals" in page and "none: one photo" in page


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


def test_the_mosaic_has_a_row_an_episode_and_a_tile_a_state(results: dict[str, list[EpisodeResult]]) -> None:
    shown = results["greedy"][:2]
    picture = mosaic(shown)
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 2 * (TILE + 4)
    assert picture.shape[0] % 2 == 0


def test_an_episode_knows_the_score_of_every_state(results: dict[str, list[EpisodeResult]]) -> None:
    for result in (*results["greedy"], *results["nothing"]):
        assert len(result.scores) == result.steps + 1
        assert (result.scores[0], result.scores[-1]) == (result.episode.start_score, result.final_score)


def test_the_report_shows_everything_and_needs_no_other_file(
    results: dict[str, list[EpisodeResult]], tmp_path: Path
) -> None:
    with ImageSaver() as saver:
        save_pictures(tmp_path / "images", results["greedy"], saver)
    write_video(tmp_path / "images" / "training.mp4", [tmp_path / "images" / "mosaic.png"])
    summaries = {name: summarise(played) for name, played in results.items()}
    write_report(
        tmp_path / "report.html",
        summary=SUMMARY,
        summaries=summaries,
        results=results,
        shown="greedy",
        history=[{"timesteps": 500, "val_success_rate": 0.5, "val_mean_gain": 0.1, "train_success_rate": None}],
        config="seed: 1",
    )
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r"(?:src|href)=\"(.{0,30})", page)
    assert sum(source.startswith("data:image/png;base64,") for source in sources) == 3  # two pairs and the mosaic
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert sum(source.startswith("data:video/mp4;base64,") for source in sources) == 1
    assert page.count("<svg") == 5
    assert "<script>" not in page
    assert "swap_rb" in page
    assert not re.search(r"url\((?!#)", page)
