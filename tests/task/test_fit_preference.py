"""Pairs, made-up answers, a fitted juror, and an environment that uses it: the whole way."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.photo.write import write_png
from apsi.preference import reading
from apsi.preference.folder import PreferenceFolder
from apsi.task import fit_preference as fitting_task
from apsi.task.advise import advise
from apsi.task.fit_preference import fit_preference
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo
from tests.preference.made import answer


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of twelve."""
    for i in range(12):
        write_png(tmp_path / "photos" / f"{i}.png", natural_photo(i, 270, 360))
    return tmp_path / "photos"


def run(photos: Path, *overrides: str) -> tuple[dict[str, Any], Path]:
    """A task on these photos; its figures and folder."""
    at = photos.parent
    places = [f"preference_dir={at / 'preferences'}", f"data_dir={at / 'data'}", f"output_dir={at / 'out'}"]
    config = load_config(["dataset=folder", f"dataset.path={photos}", *places, *overrides])
    folder = RunFolder.create(at / "runs" / str(len(list((at / "runs").glob("*")))), config)
    return instantiate(config.task)(config, folder), folder.path


def with_answers(photos: Path, count: int, *more: str) -> None:
    run(photos, "task=make_pairs", "pairs=anchors", f"task.count={count}")
    run(photos, "task=simulate_answers", "task.repeats=0.3", *more)


def test_a_person_is_fitted_measured_and_shown(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_answers(photos, 60)
    figures, folder = run(photos, "task=fit_preference")
    assert figures["answers"] == 78 and figures["people"] == 1 and figures["head"] == "linear"
    accuracy = figures["accuracy"]
    assert list(accuracy) == ["model", "prior juror", "larger wins", "always left"]
    assert accuracy["model"]["share"] > 0.6 > accuracy["larger wins"]["share"], "this person likes tight crops"
    assert (
        json.loads((folder / "preference.json").read_text())["accuracy"]["model"]["share"] == accuracy["model"]["share"]
    )
    page = (folder / "preference.html").read_text()
    assert page.count("<svg") == 2 and page.count("data:image/jpeg") >= 6 and "human.path=" in page
    assert not re.search(r'(src|href)="http', page)
    assert all(f"<dt>{word}</dt>" in page for word in ("prior juror", "log-odds", "held-out")), "words are explained"
    assert "of two that are equal, the left one is taken in" in page

    def no_reading(*_: Any) -> None:
        raise AssertionError("features are read again from disk")

    monkeypatch.setattr(reading, "columns_of", no_reading)
    again, _ = run(photos, "task=fit_preference")
    assert again["accuracy"] == accuracy and again["loss"] == figures["loss"]
    monkeypatch.undo()
    juror = instantiate(load_config(["juror=preference", f"juror.path={folder / 'preference.npz'}"]).juror)
    scores = juror.score([natural_photo(3, 270, 360), natural_photo(4, 120, 160)])
    assert ((scores > 0) & (scores < 10)).all() and np.ptp(scores) > 0


def next_words(said: str) -> list[list[str]]:
    """The commands that were printed, without how apsi is started."""
    return [shlex.split(one) for one in re.findall(r"^.+?: python run\.py (task=.+)$", said, re.MULTILINE)]


@pytest.mark.parametrize(
    ("kind", "place"), [("anchors", "crop_juror.jurors.human.path"), ("recipes", "juror.path")], ids=["crops", "edits"]
)
def test_the_command_that_is_printed_advises_by_the_model(
    photos: Path, capsys: pytest.CaptureFixture[str], kind: str, place: str
) -> None:
    run(photos, "task=make_pairs", f"pairs={kind}", "task.count=24")
    run(photos, "task=simulate_answers", "task.repeats=0")
    capsys.readouterr()
    _, folder = run(photos, "task=fit_preference")
    words = next_words(capsys.readouterr().out)[-1]
    assert f"{place}={folder / 'preference.npz'}" in words
    config = load_config([*words, "explain=false"])
    advised = advise(config, RunFolder.create(photos.parent / "advised", config, [*words, "explain=false"]))
    (one,) = advised["photos"]
    assert Path(one["photo"]).parent == photos
    if kind == "anchors":
        assert one["crop"] is None or "human" in one["crop"]["juror"]
    else:
        assert one["editor"] == "search" and one["opinion"]["juror"] == "preference"
        assert {label.partition("(")[0] for label in one["recipe"]} <= set(
            load_config(["pairs=recipes"]).pairs.strengths
        )


def test_a_model_that_simple_rules_beat_is_answered_with_more_pairs(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting_task, "standing", lambda figures: "behind")
    with_answers(photos, 12)
    capsys.readouterr()
    _, folder = run(photos, "task=fit_preference")
    photos_and_pairs = ["dataset=folder", f"dataset.path={photos}", f"preference_dir={photos.parent / 'preferences'}"]
    assert next_words(capsys.readouterr().out) == [["task=improve", *photos_and_pairs]], "no pair waits"
    assert "task=advise" not in (folder / "preference.html").read_text()
    run(photos, "task=make_pairs", "task.count=2")
    assert next_words(capsys.readouterr().out) == [["task=annotate", *photos_and_pairs]]
    run(photos, "task=fit_preference")
    assert next_words(capsys.readouterr().out) == [["task=annotate", *photos_and_pairs]]


def test_few_answers_are_refused_with_what_to_do(photos: Path) -> None:
    with_answers(photos, 6)
    with pytest.raises(ApsiError, match=r"there are 8 answers .* needs 10 or more: .* task=annotate"):
        run(photos, "task=fit_preference")


@pytest.mark.slow
def test_pairs_of_photos_that_are_gone_are_left_out_and_told(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_answers(photos, 24)
    (photos / "1.png").unlink()
    figures, _ = run(photos, "task=fit_preference")
    assert figures["photos"] == 11 and "1.png" in caplog.text
    for path in photos.iterdir():
        path.unlink()
    write_png(photos / "new.png", natural_photo(77, 270, 360))
    run_again, _ = run(photos, "task=fit_preference")
    assert run_again["photos"] == 11, "their features are known"


def test_skips_say_nothing(photos: Path) -> None:
    run(photos, "task=make_pairs", "pairs=anchors", "task.count=12")
    folder = PreferenceFolder(photos.parent / "preferences")
    folder.add_answers([answer(pair, "skip") for pair in folder.pairs().values()])
    with pytest.raises(ApsiError, match="there are 0 answers"):
        run(photos, "task=fit_preference")


def test_settings_that_mean_nothing_are_refused(photos: Path) -> None:
    with_answers(photos, 12)
    for given in ("task.label_smoothing=0.7", "task.features=[colr]", "task.features=[box,neural]"):
        with pytest.raises(ApsiError):
            run(photos, "task=fit_preference", given)


def test_it_is_a_task() -> None:
    assert callable(fit_preference)
