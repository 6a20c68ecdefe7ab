"""`task=advise` and `task=apply`: who edits, where results go, what is said."""

import json
import re
from collections.abc import Callable
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image
from skimage.data import chelsea

from apsi.advise import series
from apsi.agent.checkpoint import read_checkpoint
from apsi.agent.shipped import SHIPPED
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.photo.full_size import read_photo_file
from apsi.photo.lossless import MOVED, NOT_INSTALLED, OTHER_KIND
from apsi.task.advise import advise, open_editor, who_edits
from apsi.task.apply import apply
from apsi.tracking.run_folder import CONTINUED, RunFolder
from apsi.transform.full_size import apply as edited
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

Say = Callable[..., dict[str, Any]]
DARK = Recipe.of(["exposure(-1.000)"])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """One that is too dark."""
    path = tmp_path / "dark.jpg"
    Image.fromarray(DARK(np.ascontiguousarray(chelsea()))).save(path, quality=92)
    return path


@pytest.fixture
def say(tmp_path: Path) -> Say:
    """Runs a task with these overrides in a run folder of that name."""

    def run(*overrides: str, task: str = "advise", name: str = "run") -> dict[str, Any]:
        given = [f"task={task}", f"output_dir={tmp_path}", *overrides]
        config = load_config(given)
        folder = RunFolder.create(tmp_path / task / name, config, given)
        result: dict[str, Any] = (advise if task == "advise" else apply)(config, folder)
        folder.finish("finished")
        return result

    return run


def test_the_agent_that_comes_with_apsi_brightens_what_is_too_dark(
    say: Say, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = say(f"photo={photo}")
    (advice,) = result["photos"]
    assert advice["editor"] == "agent" and advice["recipe"] and not advice["leave_it"]
    folder = tmp_path / "advise" / "run"
    assert json.loads((folder / "advice.json").read_text()) == result
    after, before = read_photo_file(folder / advice["edited"]), read_photo_file(photo)
    assert after.pixels.mean() > before.pixels.mean() + 10
    recipe = Recipe.from_json((folder / advice["recipe_file"]).read_text())
    assert abs(edited(recipe, before.pixels).astype(int) - after.pixels).mean() < 2, "but for what JPEG loses"
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 + bool(advice["crop"]) and said[-2].endswith("dark-edited.jpg")
    assert re.search(r"\d edits? made", said[0])
    page = (folder / "advice.html").read_text()
    assert "Without it the result would score" in page and "What this score answers to" in page
    assert "http" not in page.replace('http-equiv="', "")


@pytest.mark.parametrize("explain", ["true", "false"])
def test_burnt_out_white_that_became_grey_is_warned_of(
    say: Say, tmp_path: Path, capsys: pytest.CaptureFixture[str], explain: str
) -> None:
    pixels = Recipe.of(["exposure(+0.500)"])(np.ascontiguousarray(chelsea()))
    pixels[:, :100] = 255
    Image.fromarray(pixels).save(tmp_path / "white.png")
    result = say(f"photo={tmp_path / 'white.png'}", f"explain={explain}")
    (advice,) = result["photos"]
    (warning,) = advice["warnings"]
    assert "exposure(-" in advice["recipe"][-1] and advice["steps"][-1]["greyed"] == pytest.approx(100 / 451, abs=0.02)
    assert warning.startswith("Look at the whites: 22\N{NO-BREAK SPACE}% of the photo")
    assert warning in re.sub(r"\s*\n", " ", capsys.readouterr().out)
    if explain == "true":
        page = (tmp_path / "advise" / "run" / "advice.html").read_text()
        assert f'<p class="note">{warning}</p></li>' in page


def test_the_words_are_those_of_the_language(say: Say, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"photo={photo}", "language=de")
    assert "vorgenommen" in capsys.readouterr().out


def test_a_search_goes_by_the_juror_that_comes_with_the_agent(say: Say, photo: Path) -> None:
    result = say(f"photo={photo}", "policy=greedy", "explain=false")
    (advice,) = result["photos"]
    assert advice["editor"] == "greedy" and advice["opinion"]["juror"] == "flaws" and advice["recipe"]


@pytest.mark.parametrize("named", ["juror=none", "transform=full", "env.max_steps=2"])
def test_naming_what_a_search_needs_asks_for_a_search(named: str) -> None:
    overrides = ["task=advise", named]
    config, checkpoint = who_edits(load_config(overrides), overrides)
    assert checkpoint is None and list(config.policy) == ["greedy"]


def test_a_second_juror_is_no_reason_for_a_search() -> None:
    overrides = ["task=advise", "juror@second_juror=naturalness"]
    config, checkpoint = who_edits(load_config(overrides), overrides)
    assert checkpoint is not None and list(config.policy) == ["agent"] and config.second_juror is not None


def test_a_second_juror_whose_opinion_nobody_reads_is_not_made(
    say: Say, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(*_: Any) -> None:
        pytest.fail("a data set is prepared")

    monkeypatch.setattr("apsi.agent.jurors.prepare", prepare)
    result = say(f"photo={photo}", "juror@second_juror=naturalness", "explain=false", "advise.crop=null")
    assert result["photos"][0]["second_opinion"] is None and result["photos"][0]["recipe"]


def test_a_checkpoint_keeps_its_own_settings_and_a_policy_may_be_named() -> None:
    overrides = ["task=advise", f"checkpoint={SHIPPED}", "policy=nothing"]
    config, checkpoint = who_edits(load_config(overrides), overrides)
    assert checkpoint is not None and open_editor(config, checkpoint).policy == "nothing"
    assert OmegaConf.to_container(config.transform) == OmegaConf.to_container(checkpoint.config.transform)


def test_the_agent_that_comes_with_apsi_is_small_and_names_no_place_and_needs_no_pickle() -> None:
    checkpoint = read_checkpoint(SHIPPED)
    assert SHIPPED.stat().st_size <= 3_000_000 and checkpoint.juror is not None
    text = OmegaConf.to_yaml(checkpoint.config)
    assert "/home" not in text and "/tmp" not in text and "/work" not in text


def test_a_series_has_a_page_on_all_and_goes_on_where_an_earlier_run_ended(
    say: Say, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(3):
        Image.fromarray(natural_photo(i, 90, 120)).save(tmp_path / f"p{i}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    photos = f"photo=[{photo},{tmp_path / 'p0.png'},{tmp_path / 'p1.png'},{tmp_path / 'broken.jpg'}]"
    say(photos, name="one")
    said = capsys.readouterr().out
    assert "1 could not be edited." in said and "broken.jpg: not an image" in said
    page = (tmp_path / "advise" / "one" / "advice.html").read_text()
    assert "dark-advice.html" in page and "broken.jpg" in page
    earlier = RunFolder(tmp_path / "advise" / "one")
    earlier.finish("interrupted")
    result = say(photos, name="two")
    assert Path(result["folder"]) == earlier.path and earlier.state() == CONTINUED
    assert "3 were done before." in capsys.readouterr().out


def test_a_run_that_was_stopped_twice_goes_on_where_it_was(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, photos = tmp_path / "look.json", tmp_path / "photos"
    recipe.write_text(Recipe.of(["warmth"]).to_json())
    photos.mkdir()
    for i in range(3):
        Image.fromarray(natural_photo(i, 90, 120)).save(photos / f"{i}.png")
    first = RunFolder(tmp_path / "apply" / "1")

    def command(name: str) -> dict[str, Any]:
        return say(f"recipe={recipe}", f"photo={photos}", "advise.workers=1", task="apply", name=name)

    def stopped_after_one_more(name: str) -> None:
        calls: list[object] = []

        def stops(*given: Any) -> Any:
            if calls:
                raise KeyboardInterrupt
            calls.append(given)
            return made(*given)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("apsi.advise.series._results", stops)
            command(name)
        RunFolder(tmp_path / "apply" / name).finish("interrupted")

    made = series._results
    stopped_after_one_more("1")
    stopped_after_one_more("2")
    photos.rename(tmp_path / "away")  # a third run fails at once
    with pytest.raises(ApsiError, match="does not exist"):
        command("3")
    RunFolder(tmp_path / "apply" / "3").finish("failed")
    (tmp_path / "away").rename(photos)
    result = command("4")
    assert Path(result["folder"]) == first.path and first.state() == CONTINUED
    assert "2 were done before." in capsys.readouterr().out


def test_other_settings_are_another_result(
    say: Say, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f"out={tmp_path / 'out'}"
    suggested = say(f"photo={photo}", out, "advise.min_crop_gain=0", name="one")["photos"][0]
    assert suggested["crop"] and suggested["crop"]["label"] not in suggested["recipe"]
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith(f"Crop  {suggested['crop']['label']}: ") and said[1].endswith("advise.crop=apply")
    applied = say(f"photo={photo}", out, "advise.min_crop_gain=0", "advise.crop=apply", name="two")["photos"][0]
    assert applied["recipe"] == [suggested["crop"]["label"], *suggested["recipe"]]
    assert len(applied["steps"]) == len(applied["recipe"])
    edited = read_photo_file(tmp_path / "out" / applied["edited"])
    assert edited.pixels.size < read_photo_file(photo).pixels.size
    square = say(f"photo={photo}", out, "advise.aspect=1:1", "advise.crop=apply", name="three")["photos"][0]
    height, width = read_photo_file(tmp_path / "out" / square["edited"]).pixels.shape[:2]
    assert height == width
    assert say(f"photo={photo}", out, "advise.crop=null", name="four")["photos"][0]["crop"] is None


def test_the_same_edits_are_made_on_other_photos(say: Say, photo: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "look.json"
    recipe.write_text(Recipe.of(["exposure(+0.400)", "warmth"]).to_json())
    other = tmp_path / "other.png"
    Image.fromarray(natural_photo(8, 90, 120)).save(other)
    result = say(f"recipe={recipe}", f"photo=[{photo},{other}]", f"out={tmp_path / 'look'}", task="apply")
    assert [one["recipe"] for one in result["photos"]] == [["exposure(+0.400)", "warmth"]] * 2
    expected = edited(Recipe.from_json(recipe.read_text()), read_photo_file(other).pixels)
    assert (read_photo_file(tmp_path / "look" / "other-edited.png").pixels == expected).all()


def test_a_recipe_that_only_cuts_says_whether_it_was_compressed_anew(say: Say, tmp_path: Path) -> None:
    recipe = tmp_path / "cut.json"
    recipe.write_text(Recipe.of(["crop(0.100,0.100,0.900,0.900)", "crop_3_2"]).to_json())
    pixels = Image.fromarray(natural_photo(8, 1000, 1400))
    for name in ("a.png", "b.jpg", "c.jpg"):
        pixels.save(tmp_path / name, progressive=name == "c.jpg")
    photos = f"photo=[{tmp_path / 'a.png'},{tmp_path / 'b.jpg'},{tmp_path / 'c.jpg'}]"
    result = say(f"recipe={recipe}", photos, f"out={tmp_path / 'cut'}", task="apply")
    lossless, normal, progressive = [one["remarks"] for one in result["photos"]]
    installed = find_spec("jpeglib") is not None
    assert (lossless, normal) == ([], [MOVED if installed else NOT_INSTALLED])
    assert progressive == [OTHER_KIND if installed else NOT_INSTALLED]
    expected = edited(Recipe.from_json(recipe.read_text()), np.asarray(pixels))
    assert np.array_equal(read_photo_file(tmp_path / "cut" / "a-edited.png").pixels, expected)
    assert read_photo_file(tmp_path / "cut" / "b-edited.jpg").pixels.shape == expected.shape
    assert normal[0] in unescape((tmp_path / "cut" / "b-advice.html").read_text())


@pytest.mark.parametrize(
    ("task", "overrides", "message"),
    [
        ("advise", [], "no photo is named: add photo="),
        ("advise", ["photo=missing.jpg"], "photo=missing.jpg does not exist"),
        ("advise", ["photo={photo}", "language=xx"], "language=xx is not known"),
        ("advise", ["photo={photo}", "out={photo}"], "is a file; name a folder"),
        ("advise", ["photo={photo}", "policy=search"], "policy=search needs continuous actions"),
        ("advise", ["photo={photo}", "advise.aspect=wide"], "advise.aspect=wide must be width:height"),
        ("advise", ["photo={broken}"], "broken.jpg: not an image"),
        ("apply", ["photo={photo}"], "task=apply needs recipe=FILE"),
        ("apply", ["photo={photo}", "recipe={broken}"], "this recipe is not JSON"),
    ],
)
def test_a_mistake_is_one_message_before_anything_is_written(
    task: str, overrides: list[str], message: str, *, say: Say, photo: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo, and no recipe")
    with pytest.raises(ApsiError, match=message):
        say(*(override.format(photo=photo, broken=broken) for override in overrides), task=task)
    assert not list(tmp_path.rglob("*-edited*")) and not list(tmp_path.rglob("advice.html"))
