"""Every option of every group trains 128 steps and evaluates.

The page that shows an evaluation has tests of its own; here it would only take time.
"""

import csv
import json
from collections.abc import Collection
from inspect import signature
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hydra.utils import get_class

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR
from apsi.photo import Floats, Photo
from apsi.task.pipeline import pipeline
from apsi.tracking.run_folder import RunFolder
from tests.fast import ALGORITHMS, beside
from tests.test_conf import OPTIONS

UNDEGRADED = ["preprocess.steps.degrade.per_photo={train: 1, val: 1, test: 1}", "juror=naturalness"]
NEEDS = {
    "env=optimise": ["degradation=none", *UNDEGRADED],
    "degradation=none": [*UNDEGRADED, "env.stop=false"],  # whoever may stop and has learned nothing does so at once
    "reward=careful": ["juror=naturalness"],  # the default juror of its environment is learned for seconds
    "degradation=sensible": ["transform=sensible"],
    **{f"transform={name}": [*UNDEGRADED, "reward=score_difference"] for name in ("crop_edges", "crop_moves")},
    **{choice: [*UNDEGRADED, "reward=score_difference"] for choice in ("transform=crop_and_edit", "env=crop")},
    "transform=crop_anchors": [*UNDEGRADED, "reward=score_difference", "transform.bins=6", "env.stop=false"],
    "algo=crop_ranker": [*UNDEGRADED[:1], "juror=attention", "env.stop=false"],
}
"""What makes an option do more than it would in so few steps; what it can't do without stands in its first line"""


def arguments_of(path: Path) -> Collection[str]:
    return signature(get_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"])).parameters.keys()


HEAVY = {
    f"feature_extractor={option}"
    for group, option in OPTIONS
    if group == "feature_extractor" and "weights" in arguments_of(CONFIG_DIR / group / f"{option}.yaml")
}
"""Pretrained ones, here without their weights"""
TOGETHER = (
    ("env",),
    ("transform", "reward/bonus", "episodes"),
    ("algo", "reward", "degradation", "feature_extractor", "algo/optimizer", "algo/schedule"),
)
"""Groups that have nothing to do with each other: a run takes an option of each"""


ALONE = {*HEAVY, *(f"algo={name}" for name in ALGORITHMS if beside("algo", name))}
"""Those and algorithms that are particular about what is beside them"""


def options_of(group: str) -> list[str]:
    return [f"{group}={option}" for g, option in OPTIONS if g == group and f"{group}={option}" not in ALONE]


CHOICES = [
    *([option] for option in sorted(ALONE)),
    *([option for option in row if option] for groups in TOGETHER for row in zip_longest(*map(options_of, groups))),
]


def colours_by_place(photo: Photo) -> Floats:
    """Something for a juror to know good photos by, at a hundredth of the cost."""
    return cv2.resize(photo, (4, 3), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its own, as no other test could use what this juror has scored."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def no_page_and_a_quick_juror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apsi.evaluate.run.write_report", lambda *_, **__: None)
    monkeypatch.setattr("apsi.juror.naturalness.features", colours_by_place)


def run(overrides: list[str], folder: Path, data_dir: Path) -> list[dict[str, str]]:
    """Runs the pipeline in this process; the rows of its results."""
    common = ["debug=tiny", "tracking=none", "device=cpu", "train.total_timesteps=128", "policy=[agent]"]
    common += ["train.images=0", "evaluate.images=0"]
    dirs = [f"data_dir={data_dir}", f"output_dir={folder}"]
    config = load_config([*common, *overrides, *dirs])
    pipeline(config, RunFolder.create(folder, config))
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def overrides_for(choice: str) -> list[str]:
    """What a choice needs beside it, and what that needs."""
    needed = [*NEEDS.get(choice, []), *beside(*choice.split("=", 1))]
    if choice in HEAVY:
        needed += ["feature_extractor.weights=null", "feature_extractor.freeze=none"]
    algos = [other.partition("=")[2] for other in needed if other.startswith("algo=")]
    return [*needed, *(override for algo in algos for override in ALGORITHMS[algo])]


def test_the_matrix_misses_no_algorithm() -> None:
    assert set(ALGORITHMS) == {option for group, option in OPTIONS if group == "algo"}
    assert len(HEAVY) >= 4
    assert overrides_for("reward=stop_only_plain") == ["env.stop=true"]
    assert overrides_for("algo=undo")[0] == "episodes=fresh"
    groups = {option.partition("=")[0] for choices in CHOICES for option in choices}
    tried = [option for choices in CHOICES for option in choices]
    assert len(tried) == len({*tried}) >= 50
    assert {*tried} == {f"{group}={option}" for group, option in OPTIONS if group in groups} and len(groups) == 10


@pytest.mark.parametrize(
    "choices",
    [pytest.param(c, id=",".join(c), marks=[pytest.mark.slow] if HEAVY.intersection(c) else []) for c in CHOICES],
)
def test_an_option_trains_and_evaluates(choices: list[str], tmp_path: Path, data_dir: Path) -> None:
    extra = [override for choice in choices for override in overrides_for(choice)]
    if choices[0].startswith("algo="):
        extra += ALGORITHMS[choices[0].partition("=")[2]]
    elif not any(override.startswith("algo=") for override in extra):
        extra = [*extra, "algo=dqn", *ALGORITHMS["dqn"]]
    rows = run([*dict.fromkeys([*choices, *extra])], tmp_path, data_dir)
    assert 1 <= len(rows) <= 8
    assert all(0 <= float(row["final_score"]) <= 10 for row in rows)
    assert any(int(row["steps"]) > 0 for row in rows) or "stop" in ",".join(choices)


def test_policies_that_play_what_is_no_action_or_see_the_original_are_evaluated_as_others(
    tmp_path: Path, data_dir: Path
) -> None:
    chosen = ["env=repair", "policy=[clahe,oracle]", "algo=dqn", *ALGORITHMS["dqn"], "train.total_timesteps=64"]
    rows = run(chosen, tmp_path, data_dir)
    assert {row["actions"] for row in rows if row["policy"] == "clahe"} == {"clahe"}
    policies = json.loads((tmp_path / "summary.json").read_text())["policies"]
    assert [policies[name]["sees_original"] for name in ("clahe", "oracle")] == [False, True]
    assert policies["oracle"]["recovered"] > 0 and policies["oracle"]["harm"] == 0 < policies["clahe"]["harm"]
    assert policies["clahe"]["undegraded"]["CIEDE2000"] == [0, pytest.approx(policies["clahe"]["harm"])]
    assert "change" not in policies["clahe"]["measures"]  # what a gain cost is told where nobody knows the originals


@pytest.mark.parametrize("algo", ["ppo", "dqn", pytest.param("recurrent_ppo", marks=pytest.mark.slow)])
def test_extras_reach_the_agent(algo: str, tmp_path: Path, data_dir: Path) -> None:
    extras = "env.extras=[steps_left,score,last_action]"
    assert run([f"algo={algo}", *ALGORITHMS[algo], extras], tmp_path, data_dir)


FRAMES = ["env=crop", "degradation=none", "juror=attention", "reward=score_difference", *UNDEGRADED[:1]]
DISCRETE = [name for name in ALGORITHMS if name not in ("sac", "td3", "undo", "recover", "crop_ranker")]


@pytest.mark.slow
@pytest.mark.parametrize("transform", ["crop_edges", "crop_moves"])
@pytest.mark.parametrize("algo", DISCRETE)
def test_every_discrete_algorithm_learns_to_frame(algo: str, transform: str, tmp_path: Path, data_dir: Path) -> None:
    rows = run([*FRAMES, f"transform={transform}", f"algo={algo}", *ALGORITHMS[algo]], tmp_path, data_dir)
    assert rows and all(row["recipe"].count("crop(") <= 1 for row in rows), "moves that lead back leave no crop"
    assert all(label.startswith("crop_") for row in rows for label in row["actions"].split())


def test_crops_are_measured_and_held_against_the_best_of_all(tmp_path: Path, data_dir: Path) -> None:
    chosen = [*FRAMES, "transform=crop_edges", "algo=dqn", *ALGORITHMS["dqn"], "train.total_timesteps=64"]
    rows = run([*chosen, "policy=[centre,exhaustive,thirds,attention_crop]"], tmp_path, data_dir)
    policies = json.loads((tmp_path / "summary.json").read_text())["policies"]
    assert policies["centre"]["measures"]["area"] == [1, pytest.approx(0.65, abs=0.01)]
    assert policies["exhaustive"]["measures"]["IoU with exhaustive"][1] == 1
    assert 0 < policies["thirds"]["measures"]["IoU with exhaustive"][1] < 1
    best = policies["exhaustive"]["mean_gain"]
    assert all(best >= policies[name]["mean_gain"] for name in ("thirds", "attention_crop")) and best >= 0
    assert {"before juror kept", "after juror kept"} <= rows[0].keys()
    assert policies["centre"]["recovered"] is None


@pytest.mark.parametrize("choices", [["transform=sensible", "degradation=photographic"], ["transform=reversible"]])
def test_recover_learns_discrete_actions_too(choices: list[str], tmp_path: Path, data_dir: Path) -> None:
    assert run(["algo=recover", "episodes=fresh", "algo.batch_size=16", *choices], tmp_path, data_dir)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["algo=sac"], r"needs continuous actions: add transform=parametric"),
        (["algo=dqn", "transform=parametric", "degradation=sensible"], r"needs discrete actions: add transform=rev"),
        (["reward=stop_only_plain"], r"env\.stop=false gives it no STOP: add env\.stop=true"),
        (["algo=undo"], r"add episodes=fresh"),
        (["algo=crop_ranker"], r"add env=crop transform=crop_anchors"),
        (["policy=[exhaustive]"], r"add env=crop"),
        ([*FRAMES, "transform=crop_edges", "algo=recover", "episodes=fresh"], r"algo=recover.*env=crop"),
        ([*FRAMES, "transform=crop_edges", "algo=undo", "episodes=fresh"], r"can't undo"),
        ([*FRAMES, "transform=parametric", "algo=sac"], r"env=crop.*transform=crop_edges"),
        (["algo=undo", "transform=sensible", "episodes=fresh"], r"can't undo 'exposure_.*algo=afterstate"),
        (["algo=undo", "episodes=fresh", "env.extras=[score]"], r"env\.extras=\['score'\] must be \[\]"),
        (["algo=full_q", "env.extras=[score]"], r"env\.extras=\['score'\] must be \[\]"),
        (
            ["policy=[greedy]", "algo=sac", "transform=parametric", "degradation=sensible"],
            r"policy=greedy needs discrete",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason_and_what_would(
    overrides: list[str], message: str, tmp_path: Path, data_dir: Path
) -> None:
    with pytest.raises(ApsiError, match=message):
        run(overrides, tmp_path, data_dir)
