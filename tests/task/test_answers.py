"""How people answer, told without names to all but the page; who is forgotten is gone."""

import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.task.annotate import annotate
from apsi.task.answers import answers, fitted_on, forget_person
from apsi.tracking.run_folder import RunFolder
from tests.preference.made import answer, pair


@pytest.fixture
def preferences(tmp_path: Path) -> PreferenceFolder:
    folder = PreferenceFolder(tmp_path / "preferences")
    pairs = [pair(k) for k in range(12)]
    folder.add_pairs(pairs)
    folder.add_answers([answer(one, "left", name) for one in pairs for name in ("Ann", "Bob")])
    return folder


def run(tmp_path: Path, forget: str | None = None, annotators: list[str] | None = None) -> dict[str, Any]:
    config = load_config(
        [
            "task=answers",
            f"preference_dir={tmp_path}/preferences",
            f"output_dir={tmp_path}/out",
            f"task.forget={forget}",
        ]
    )
    folder = RunFolder.create(tmp_path / "run", config, [f"task.forget={forget}", "seed=3"])
    return answers(config, folder, forget=forget, annotators=annotators or [], fast_below=400)


def test_figures_are_told_and_the_page_is_written(
    preferences: PreferenceFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path)
    assert (found["people"], found["answers"], found["shared_pairs"], found["agreement"]) == (2, 24, 12, 1)
    assert found["agreement_ci95"][1] == pytest.approx(1) and "Ann" not in str(found)
    said = capsys.readouterr().out
    assert "Two people say the same in 100.0 %" in said and "Ann" in said
    assert "Bob" in (tmp_path / "run" / "answers.html").read_text(encoding="utf-8")
    assert run(tmp_path, annotators=["Ann"])["agreement"] is None


def test_without_answers_it_is_said_what_to_do(tmp_path: Path) -> None:
    PreferenceFolder(tmp_path / "preferences").add_pairs([pair()])
    with pytest.raises(ApsiError, match="nobody has answered a pair"):
        run(tmp_path)


def test_who_is_forgotten_is_gone_and_their_models_are_named(
    preferences: PreferenceFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "out" / "fit_preference"
    for name, annotators in (("one", ["Ann", "Bob"]), ("two", ["Ann"]), ("three", ["Bobby"])):
        (runs / name).mkdir(parents=True)
        (runs / name / "preference.json").write_text(json.dumps({"annotators": annotators}))
    for name, content in (("broken", "[" * 99_999), ("old", "{}")):
        (runs / name).mkdir()
        (runs / name / "preference.json").write_text(content)
    (runs / "noted").mkdir()
    (runs / "noted" / "run.json").write_text('{"annotators": ["Bob"]}')
    agent = tmp_path / "out" / "pipeline" / "agent"
    agent.mkdir(parents=True)
    (agent / "config.yaml").write_text("juror: {path: out/fit_preference/one/preference.npz}")
    (runs / "elsewhere").mkdir()
    (runs / "elsewhere" / "preference.json").write_text('{"annotators": ["Bob"], "preference_dir": "/other"}')
    assert run(tmp_path, "Bob") == {
        "lines": 12,
        "models": [str(runs / "noted"), str(runs / "one")],
        "agents": [str(agent)],
        "silent": [str(runs / "broken"), str(runs / "old")],
    }
    assert preferences.annotators() == ["Ann"] and len(preferences.answers("Ann")) == 12
    assert not any(b"Bob" in file.read_bytes() for file in (tmp_path / "preferences").rglob("*") if file.is_file())
    kept = {name: (tmp_path / "run" / name).read_text() for name in ("config.yaml", "overrides.yaml", "run.json")}
    assert not any("Bob" in text for text in kept.values())
    assert OmegaConf.load(tmp_path / "run" / "overrides.yaml") == ["seed=3"]
    assert "Removed 12 lines" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bob", "Bo", "Bob ", "*", "../Ann", ""])
def test_a_name_must_be_exact(name: str, preferences: PreferenceFolder, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"Did you mean 'Bob'|nobody of this name|must be a name|begins or ends"):
        forget_person(load_config([f"preference_dir={tmp_path}/preferences"]), name)
    assert preferences.annotators() == ["Ann", "Bob"]


def test_no_runs_are_no_models(tmp_path: Path) -> None:
    assert fitted_on("Ann", tmp_path / "none", tmp_path) == ([], [])


def test_task_annotate_leads_to_the_same_report_and_forgets_likewise(
    preferences: PreferenceFolder, tmp_path: Path
) -> None:
    config = load_config(["task=annotate", f"preference_dir={preferences.path}", f"output_dir={tmp_path}/out"])
    folder = RunFolder.create(tmp_path / "run", config)
    settings = {name: value for name, value in config.task.items() if not str(name).startswith("_")}
    said = annotate(config, folder, **settings | {"report": True})
    assert said == run(tmp_path) and (folder.path / "answers.html").exists()
    assert annotate(config, folder, **settings | {"forget": "Bob"})["lines"] == 12
    assert preferences.annotators() == ["Ann"]
