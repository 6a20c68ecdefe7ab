"""`task=improve`: says where one stands, makes pairs only when none waits, and names the next command."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from apsi.agent.shipped import SHIPPED
from apsi.config.compose import load_config
from apsi.config.saved import BEST
from apsi.photo.write import write_png
from apsi.preference.folder import PreferenceFolder
from apsi.task.improve import _latest_agent, improve
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo
from tests.preference.made import answer


@cache
def composed(*overrides: str) -> DictConfig:
    return load_config(["task=improve", "dataset=folder", "dataset.path=.", "tracking=none", *overrides])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(6):
        write_png(tmp_path / "photos" / f"{i}.png", natural_photo(i, 300, 400))
    return tmp_path / "photos"


def improved(photos: Path, *overrides: str) -> dict[str, Any]:
    home = photos.parent
    config = composed(*overrides).copy()
    config.dataset.path, config.data_dir = str(photos), str(home / "data")
    config.preference_dir, config.output_dir = str(home / "preferences"), str(home)
    return improve(config, RunFolder.create(home / "run", config), count=14, enough=50, stale=0.2)


def answer_all(photos: Path) -> None:
    folder = PreferenceFolder(photos.parent / "preferences")
    done = {one.answer.pair for one in folder.comparisons()} if folder.answers() else set()
    folder.add_answers([answer(pair) for pair in folder.pairs().values() if pair.id not in done])


def model_of(photos: Path, answers: int, ahead: tuple[float, float] = (0.1, 0.3)) -> Path:
    folder = photos.parent / "fit_preference" / "one"
    folder.mkdir(parents=True, exist_ok=True)
    accuracy = {"model": {"share": 0.8, "interval": [0.7, 0.9]}, "larger wins": {"share": 0.6, "interval": [0.5, 0.7]}}
    rules = {"larger wins": {"difference": sum(ahead) / 2, "interval": ahead}}
    figures = {"answers": answers, "fitted_on": answers, "accuracy": accuracy, "ahead_of": rules}
    (folder / "preference.json").write_text(json.dumps(figures))
    return folder


def test_pairs_are_made_when_none_waits_and_not_before(photos: Path) -> None:
    first = improved(photos)
    assert (first["new"], first["pairs"], first["answers"]) == (14, 14, 0)
    assert [command.split()[-3] for command in first["next"]] == ["task=annotate"] or "task=annotate" in first["next"][
        0
    ]
    assert improved(photos)["new"] == 0
    answer_all(photos)
    assert improved(photos)["new"] == 14


def test_what_comes_next_follows_from_answers_and_model(photos: Path) -> None:
    improved(photos)
    answer_all(photos)
    assert "task=fit_preference" in improved(photos)["next"][0], "14 answers and no model of them"
    model_of(photos, 13)
    answer_all(photos)
    assert "task=fit_preference" in improved(photos)["next"][0], "twice as many as the model knows"
    model_of(photos, 28)
    assert ["task=annotate" in one for one in improved(photos)["next"]] == [True], "too few for an agent"
    for _ in range(3):
        answer_all(photos)
        improved(photos)
    folder = model_of(photos, 70)
    first, second = improved(photos)["next"]
    assert "experiment=personal_bootstrap" in first and "init_from" not in first, "no agent could go on"
    assert "task=annotate" in second
    first, second = improved(photos, f"checkpoint={SHIPPED}")["next"]
    assert "experiment=personal_finetune" in first and f"human.path={folder / 'preference.npz'}" in first
    assert "task=annotate" in second


def test_further_answers_come_before_an_agent_where_the_model_is_no_better_than_simple_rules(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        improved(photos)
        answer_all(photos)
    unclear = ((-0.1, 0.3), ["task=annotate", "experiment=personal"], "may be chance")
    behind = ((-0.3, -0.1), ["task=annotate"], "do not use it yet")
    for ahead, expected, said in (unclear, behind):
        model_of(photos, 70, ahead)
        told = improved(photos)["next"]
        assert [words in line for line, words in zip(told, expected, strict=True)] == [True] * len(expected)
        assert said in capsys.readouterr().out


def test_the_latest_agent_of_the_kind_that_goes_on_is_named(tmp_path: Path) -> None:
    presets = {"crops": "personal_bootstrap", "edits": "personal_bootstrap_edits", "demo": "demo"}
    for number, (name, preset) in enumerate(presets.items()):
        folder = RunFolder.create(tmp_path / "pipeline" / name, load_config([f"experiment={preset}"]))
        folder.best_checkpoint.parent.mkdir()
        folder.best_checkpoint.touch()
        os.utime(folder.best_checkpoint, (number, number))
    assert _latest_agent(tmp_path, "") == str(tmp_path / "pipeline" / "crops" / BEST)
    assert _latest_agent(tmp_path, "_edits") == str(tmp_path / "pipeline" / "edits" / BEST)
    (tmp_path / "pipeline" / "crops" / "config.yaml").unlink()
    assert _latest_agent(tmp_path, "") is None


def test_with_an_agent_half_of_the_pairs_show_what_it_does(photos: Path) -> None:
    assert improved(photos, f"checkpoint={SHIPPED}")["new"] == 14
    sources = [pair.source for pair in PreferenceFolder(photos.parent / "preferences").pairs().values()]
    assert 1 <= sources.count("agent_vs_start") <= 7 and sources.count("anchors") == 14 - sources.count(
        "agent_vs_start"
    )


def test_a_broken_record_of_a_model_is_told_and_passed_over(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    (model_of(photos, 5) / "preference.json").write_text("{")
    improved(photos)
    assert "preference.json can't be read" in caplog.text
