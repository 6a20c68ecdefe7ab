"""Whether one run is better than another on the same photos."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.evaluate.comparison import (
    Compared,
    band,
    difference,
    differing_params,
    grouped,
    read_run,
    recovered_difference,
    require_same_photos,
    rows,
)

Outcomes = list[tuple[str, float, float]]
"""photo, success, gain"""


def compared(name: str, outcomes: Outcomes, juror: str = "j", gamma: str = "0.9") -> Compared:
    episodes = {(photo, f"{i}.png", "swap_rb", "3", "5"): (s, g) for i, (photo, s, g) in enumerate(outcomes)}
    figures = {"success_rate": 0, "success_ci95": [0, 1], "mean_gain": 0, "mean_steps": 0, "juror_calls": 0}
    summary = {
        "juror": juror,
        "split": "test",
        "dataset": "d",
        "policies": {"agent": figures},
        "train_timesteps": 1,
        "seconds": {"train": 1.0},
    }
    return Compared(name, "agent", summary, {"algo.gamma": gamma, "seed": "1"}, [], episodes)


def photos(gains: np.ndarray, episodes: int) -> Outcomes:
    return [(f"photo{p}", float(gain > 0), float(gain)) for p, gain in enumerate(gains) for _ in range(episodes)]


def test_a_difference_is_paired_so_what_is_hard_for_both_runs_does_not_blur_it() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 5, 50)
    first, other = compared("a", photos(hard, 2)), compared("b", photos(hard + 0.1 + rng.normal(0, 0.01, 50), 2))
    found = difference(first, other, 1)
    assert found.mean == pytest.approx(0.1, abs=0.01)
    assert found.interval is not None
    low, high = found.interval
    assert 0.09 < low < found.mean < high < 0.11
    assert difference(first, other, 1) == found


def test_no_difference_has_an_interval_around_zero() -> None:
    rng = np.random.default_rng(1)
    gains = rng.normal(0, 1, 100)
    found = difference(compared("a", photos(gains, 1)), compared("b", photos(rng.permutation(gains), 1)), 1)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_many_episodes_of_the_same_photos_do_not_make_a_difference_more_certain() -> None:
    rng = np.random.default_rng(2)
    gains, better = rng.normal(0, 1, 20), rng.normal(0.5, 1, 20)
    widths = []
    for episodes in (1, 10):
        found = difference(compared("a", photos(gains, episodes)), compared("b", photos(better, episodes)), 1)
        assert found.interval is not None
        widths.append(found.interval[1] - found.interval[0])
    assert widths[1] == pytest.approx(widths[0])


def seeds(name: str, better: float, rng: np.random.Generator, of_photo: np.ndarray, between: float) -> Compared:
    """Three runs of a kind, whose seeds differ by `between`."""
    runs = [
        compared(f"{name}{i}", photos(of_photo + better + rng.normal(0, between) + rng.normal(0, 0.05, 20), 1))
        for i in range(3)
    ]
    return grouped(name, runs)


def test_seeds_that_differ_widen_the_interval_of_a_difference_of_groups() -> None:
    found = []
    for between in (0.0, 0.5):
        rng = np.random.default_rng(4)
        of_photo = rng.normal(0, 3, 20)
        found.append(
            difference(seeds("a", 0, rng, of_photo, between), seeds("b", 0.3, rng, of_photo, between), 1).interval
        )
    (low, high), (low_apart, high_apart) = (interval or (0, 0) for interval in found)
    assert 0 < low < 0.3 < high  # what is hard for both does not blur it
    assert low_apart < 0 < high_apart


def test_a_group_has_the_settings_and_the_mean_curve_of_all_its_runs() -> None:
    runs = [
        replace(compared(f"r{seed}", [("p", 1, 1.0)]), params={"seed": str(seed), "algo": "ppo"}, curve=curve)
        for seed, curve in ((1, [(100, 0.2), (200, 0.4)]), (2, [(110, 0.6), (200, 0.8), (300, 1.0)]))
    ]
    group = grouped("ppo", runs)
    assert group.params == {"seed": "1, 2", "algo": "ppo"}
    assert group.curve == [(105, pytest.approx(0.4)), (200, pytest.approx(0.6))]
    assert band(group) == [(105, 0.2, 0.6), (200, 0.4, 0.8)]
    assert band(runs[0]) == []
    assert group.figures["runs"] == 2


def test_one_photo_says_nothing_about_others() -> None:
    one, two = compared("a", [("p", 0, 0.0), ("p", 1, 1.0)]), compared("b", [("p", 1, 1.0), ("p", 1, 1.0)])
    found = difference(one, two, 0)
    assert found.mean == 0.5 and found.interval is None
    assert "no interval" in found.text
    assert rows([one, two])[1]["success_low"] == ""


def test_runs_on_other_photos_or_by_another_juror_are_refused() -> None:
    first = compared("a", [("p", 0, 0.0), ("q", 0, 0.0)])
    require_same_photos([first, compared("b", [("p", 1, 2.0), ("q", 1, 0.0)])])
    with pytest.raises(ApsiError, match=r"2 episodes of d and 1 of d, with 1 in common"):
        require_same_photos([first, compared("b", [("p", 1, 2.0)])])
    with pytest.raises(ApsiError, match=r"their juror is j and k"):
        require_same_photos([first, compared("b", [("p", 1, 2.0), ("q", 1, 0.0)], juror="k")])


def test_only_settings_that_differ_are_listed() -> None:
    runs = [compared("a", [("p", 0, 0.0)]), compared("b", [("p", 0, 0.0)], gamma="0.5")]
    assert differing_params(runs) == {"algo.gamma": ["0.9", "0.5"]}


def test_damaged_results_are_an_error_that_names_the_files(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("policy\nagent\n")
    (tmp_path / "summary.json").write_text('{"policies": {"agent": {}}}')
    with pytest.raises(ApsiError, match=r"results\.csv .* is damaged"):
        read_run("a", tmp_path / "results.csv", tmp_path / "summary.json", {}, [])


def near(name: str, left: float, jitter: float = 0.0) -> Compared:
    """A run whose photos keep this share of their distance to the true ones."""
    run, rng = compared(name, photos(np.zeros(20), 2)), np.random.default_rng(0)
    before = dict(zip(run.episodes, rng.uniform(5, 15, 40).tolist(), strict=True))
    distances = {key: (far, far * (left + rng.normal(0, jitter))) for key, far in before.items()}
    policy = {**run.summary["policies"]["agent"], "recovered": 1 - left, "nearer": 1.0, "harm": 0.5}
    policy["measures"] = {"CIEDE2000": [10.0, 10 * left], "GMS": None}
    return replace(run, distances=distances, summary={**run.summary, "policies": {"agent": policy}})


def test_what_was_recovered_is_compared_photo_by_photo() -> None:
    first, other = near("a", 0.9, 0.02), near("b", 0.7, 0.02)
    found = recovered_difference(first, other)
    assert found is not None and found.interval is not None
    assert found.mean == pytest.approx(0.2) and found.interval[0] <= 0.2 <= found.interval[1]
    assert recovered_difference(first, compared("c", photos(np.zeros(20), 2))) is None
    row = rows([first, other])[1]
    assert (row["recovered"], row["harm"], row["recovered_difference"]) == (pytest.approx(0.3), 0.5, found.mean)
    assert (row["CIEDE2000_before"], row["CIEDE2000_after"]) == (10.0, 7.0)
    assert row["GMS_after"] is row["recovered_sd"] is None


def test_what_was_recovered_is_compared_on_the_episodes_that_no_run_framed_anew() -> None:
    def without(run: Compared, framed: slice) -> Compared:
        gone = list(run.distances)[framed]
        return replace(run, distances={key: pair for key, pair in run.distances.items() if key not in gone})

    first, other = without(near("a", 0.8, 0.3), slice(0, 2)), without(near("b", 0.8, 0.3), slice(-2, None))
    found = recovered_difference(first, other)  # else they did alike
    assert found is not None and found.interval is not None
    assert (found.mean, *found.interval) == pytest.approx((0, 0, 0))
    found = recovered_difference(grouped("g", [first, other]), without(near("c", 0.8, 0.3), slice(4, 5)))
    assert found is not None and found.mean == pytest.approx(0)
    assert recovered_difference(without(first, slice(2, None)), without(other, slice(0, 4))) is None


def test_a_group_recovers_what_its_runs_do_in_the_mean() -> None:
    group = grouped("g", [near("a", 0.9), near("b", 0.7)])
    left = group.distance_left()
    assert left is not None and left.mean == pytest.approx(0.8)
    assert group.figures["recovered"] == pytest.approx(0.2)
    assert group.figures["recovered_sd"] == pytest.approx(0.1 * np.sqrt(2))
    assert grouped("g", [near("a", 0.9), compared("b", photos(np.zeros(20), 2))]).figures["recovered"] is None


def test_distances_are_read_of_degraded_photos_alone(tmp_path: Path) -> None:
    head = "policy,photo,image,degradation,start_score,target_score,final_score,success,original,before CIEDE2000,"
    lines = ["p,p.png,gamma_up,3,5,4,1,h,8.0,6.0", "q,q.png,,5,5,5,0,i,0.0,1.0", "r,r.png,gamma_up,3,5,4,1,j,,"]
    text = "\n".join([head + "after CIEDE2000", *(f"agent,{line}" for line in lines)])
    (tmp_path / "results.csv").write_text(text)
    (tmp_path / "summary.json").write_text('{"policies": {"agent": {}}}')
    run = read_run("a", tmp_path / "results.csv", tmp_path / "summary.json", {}, [])
    assert list(run.distances.values()) == [(8.0, 6.0)] and len(run.episodes) == 3
