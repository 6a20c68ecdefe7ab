"""What the runs of a multirun came to together."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from apsi.errors import ApsiError
from apsi.evaluate.multirun import summarise_multirun
from apsi.evaluate.require import RequirementError
from apsi.interval import Sample, mean_interval
from apsi.tracking.run_folder import FAILED, FINISHED, RunFolder

PHOTOS, COPIES = 6, 2
COLUMNS = (
    "policy",
    "photo",
    "image",
    "degradation",
    "start_score",
    "target_score",
    "final_score",
    "success",
    "original",
)
Make = Callable[..., Path]


def gains(algo: str, seed: int) -> np.ndarray:
    """Of `(PHOTOS, COPIES)` episodes; DQN is better by 1 everywhere."""
    rng = np.random.default_rng(seed)
    return np.random.default_rng(0).normal(1, 1, (PHOTOS, 1)) + rng.normal(0, 0.3, (PHOTOS, COPIES)) + (algo == "dqn")


def make_run(folder: Path, algo: str, seed: int, photos: int = PHOTOS) -> None:
    """What a run leaves: its record and the results of the agent and of doing nothing."""
    run, outcomes = RunFolder(folder), gains(algo, seed)[:photos]
    folder.mkdir(parents=True)
    OmegaConf.save(OmegaConf.create([f"algo={algo}", f"seed={seed}", "debug=tiny"]), folder / "overrides.yaml")
    OmegaConf.save(
        OmegaConf.create({"algo": {"_target_": algo}, "seed": seed, "data_seed": 42}), folder / "config.yaml"
    )
    rows = [
        (policy, f"{p}.jpg", f"{p}-{c}.png", "swap_rb", 1.0, 5.0, 1 + gain, float(gain > 0), f"hash{p}")
        for policy, scale in (("agent", 1), ("nothing", 0))
        for p, of_photo in enumerate(outcomes)
        for c, gain in enumerate(scale * of_photo)
    ]
    with (folder / "results.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    policies = {
        name: {
            "success_rate": float(np.mean(values > 0)),
            "mean_gain": values.mean(),
            "mean_steps": 1,
            "juror_calls": 9,
            "sees_original": name == "nothing",
            "recovered": 0.1 * seed,
        }
        for name, values in (("agent", outcomes), ("nothing", 0 * outcomes))
    }
    summary = {"policies": policies, "juror": "j", "split": "test", "dataset": "d"}
    (folder / "summary.json").write_text(json.dumps(summary))
    run.finish(FINISHED)


@pytest.fixture
def multirun(tmp_path: Path) -> Path:
    for i, (algo, seed) in enumerate((algo, seed) for algo in ("ppo", "dqn") for seed in (1, 2, 3)):
        make_run(tmp_path / str(i), algo, seed)
    return tmp_path


def test_runs_that_differ_in_their_seeds_alone_are_summarised_together(
    multirun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summarise_multirun(multirun)
    content = json.loads((multirun / "multirun.json").read_text())
    ppo, dqn = content["groups"]
    assert (ppo["name"], ppo["runs"], ppo["seed"]) == ("algo=ppo", ["0", "1", "2"], [1, 2, 3])
    assert (dqn["name"], dqn["runs"], content["failed"]) == ("algo=dqn", ["3", "4", "5"], [])
    each = [gains("ppo", seed).mean() for seed in (1, 2, 3)]
    found = ppo["policies"]["agent"]
    assert (found["runs"], found["photos"], found["episodes"]) == (3, PHOTOS, 3 * PHOTOS * COPIES)
    assert found["mean_gain"] == pytest.approx(np.mean(each))
    assert found["gain_sd"] == pytest.approx(np.std(each, ddof=1))
    names = np.repeat([str(p) for p in range(PHOTOS)], COPIES).tolist()
    by_photo_and_seed = Sample.of([gains("ppo", seed).ravel() for seed in (1, 2, 3)], 3 * [names])
    assert found["mean_gain_ci95"] == pytest.approx(mean_interval(by_photo_and_seed))
    with (multirun / "multirun.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["group"], row["policy"]) for row in rows] == [
        (group, policy) for group in ("algo=ppo", "algo=dqn") for policy in ("agent", "nothing")
    ]
    page = (multirun / "multirun.html").read_text()
    assert "seeds 1, 2, 3" in page and "Against the first group" in page
    printed = capsys.readouterr().out
    assert "photo and seed" in printed and "0.20 ± 0.10" in printed
    assert (found["recovered"], found["recovered_sd"], found["harm"]) == (pytest.approx(0.2), pytest.approx(0.1), None)
    assert (found["sees_original"], ppo["policies"]["nothing"]["sees_original"]) == (False, True)
    assert "nothing (sees the original)" in page and "agent (sees the original)" not in page


def test_a_run_that_failed_is_named_and_the_others_are_summarised(multirun: Path) -> None:
    RunFolder(multirun / "1").finish(FAILED, error="the disk is full")
    with pytest.raises(ApsiError, match=r"1 of 6 runs in .* failed:\n1 \(algo=ppo seed=2\): the disk is full"):
        summarise_multirun(multirun)
    content = json.loads((multirun / "multirun.json").read_text())
    assert content["groups"][0]["runs"] == ["0", "2"]
    (failed,) = content["failed"]
    assert (failed["run"], failed["error"]) == ("1", "the disk is full")
    assert (failed["overrides"], failed["unlike"]) == ("algo=ppo seed=2 debug=tiny", "algo=ppo seed=2")
    assert "Run 1 failed" in (multirun / "multirun.html").read_text()


def test_a_run_that_fell_short_is_named_and_stays_in_the_means(multirun: Path) -> None:
    RunFolder(multirun / "1").note(missed="evaluate.require: agent.success_rate>=0.9 failed, it is 0.8")
    with pytest.raises(RequirementError, match=r"1 of 6 runs in .* fell short:\n1 \(algo=ppo seed=2\): .* it is 0\.8"):
        summarise_multirun(multirun)
    content = json.loads((multirun / "multirun.json").read_text())
    assert content["groups"][0]["runs"] == ["0", "1", "2"] and content["failed"] == []
    assert [job["run"] for job in content["missed"]] == ["1"]
    assert "Run 1 fell short" in (multirun / "multirun.html").read_text()
    RunFolder(multirun / "2").finish(FAILED, error="the disk is full")
    with pytest.raises(ApsiError, match=r"(?s)1 of 6 runs .* failed:.*1 of 6 runs .* fell short") as both:
        summarise_multirun(multirun)
    assert not isinstance(both.value, RequirementError)


def test_where_no_run_was_evaluated_there_is_nothing_to_summarise(multirun: Path) -> None:
    for i in range(6):
        (multirun / str(i) / "summary.json").unlink()
    summarise_multirun(multirun)
    assert not list(multirun.glob("multirun.*"))


def test_one_photo_has_a_spread_over_seeds_and_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2):
        make_run(tmp_path / str(seed), "ppo", seed, photos=1)
    summarise_multirun(tmp_path)
    found = json.loads((tmp_path / "multirun.json").read_text())["groups"][0]["policies"]["agent"]
    assert found["gain_sd"] > 0 and found["mean_gain_ci95"] is found["success_ci95"] is None
    assert "no intervals" in capsys.readouterr().out
    assert "there is no interval" in (tmp_path / "multirun.html").read_text()
