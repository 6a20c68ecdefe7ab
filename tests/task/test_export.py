"""`task=export`: a recipe in a file becomes files for other programs, or one message says what is missing."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.photo.write import write_png
from apsi.task.export import export
from apsi.tracking.run_folder import RunFolder
from apsi.transform.recipe import Recipe
from tests.export.recipes import PHOTO
from tests.photo.test_formats import fake_rawpy


def run(folder: Path, *overrides: str) -> dict[str, dict[str, list[str]]]:
    config = load_config(["task=export", *overrides])
    return export(config, RunFolder.create(folder / "run", config))


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "recipe.json").write_text(Recipe.of(["auto_contrast", "clarity", "warmth"]).to_json())
    return f"recipe={tmp_path / 'recipe.json'}"


def test_the_chosen_exports_are_written_and_what_they_leave_out_is_shown(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_png(tmp_path / "IMG_1.png", PHOTO)
    result = run(tmp_path, recipe, f"photo={tmp_path / 'IMG_1.png'}", "export=[cube,lightroom_preset]")
    assert result == {
        "cube": {"files": ["IMG_1.cube"], "left_out": ["clarity"]},
        "lightroom_preset": {"files": ["IMG_1.lightroom.xmp"], "left_out": []},
    }
    shown = capsys.readouterr().out
    assert "clarity: what becomes of a pixel depends on other pixels" in shown
    assert "auto_contrast" in shown
    assert all(
        (tmp_path / "run" / file).is_file() and file in shown for one in result.values() for file in one["files"]
    )


def test_a_crop_of_a_turned_photo_lies_where_each_program_looks(tmp_path: Path) -> None:
    """Stored 300 x 200 and turned by a quarter: the upper half of what people see is the left of what is stored."""
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (300, 200)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "r.json").write_text(Recipe.of(["crop(0.000,0.000,1.000,0.500)"]).to_json())
    run(
        tmp_path,
        f"recipe={tmp_path / 'r.json'}",
        f"photo={tmp_path / 'a.jpg'}",
        "export=[rawtherapee,lightroom_preset]",
    )
    preset, profile = ((tmp_path / "run" / f"a.{kind}").read_text() for kind in ("lightroom.xmp", "rawtherapee.pp3"))
    sides = {side: f'Crop{side}="{share}.000000"' for side, share in (("Left", 0), ("Top", 0), ("Bottom", 1))}
    assert all(text in preset for text in sides.values()) and 'CropRight="0.500000"' in preset
    assert "X=0\nY=0\nW=200\nH=150" in profile


def test_a_crop_of_camera_raw_is_counted_in_the_developed_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", fake_rawpy(6))  # 4 x 6 upright
    Image.new("RGB", (3, 2)).save(tmp_path / "a.nef", "TIFF")  # its thumbnail, which Pillow reads
    (tmp_path / "r.json").write_text(Recipe.of(["crop(0.000,0.000,1.000,0.500)"]).to_json())
    run(tmp_path, f"recipe={tmp_path / 'r.json'}", f"photo={tmp_path / 'a.nef'}", "export=[rawtherapee]")
    assert "X=0\nY=0\nW=4\nH=3" in (tmp_path / "run" / "a.rawtherapee.pp3").read_text()


def test_without_a_photo_the_files_are_named_like_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "look.json").write_text(Recipe.of(["warmth"]).to_json())
    assert run(tmp_path, f"recipe={tmp_path / 'look.json'}", "export=[cube]")["cube"]["files"] == ["look.cube"]


@pytest.mark.parametrize(
    ("content", "overrides", "message"),
    [
        (None, [], r"needs recipe=FILE"),
        (None, ["recipe=nowhere.json"], r"recipe=nowhere\.json can't be read"),
        ("{", ["recipe=RECIPE"], r"recipe=.*r\.json: this recipe is not JSON"),
        ('["contrast_upp"]', ["recipe=RECIPE"], r"r\.json: unknown transform.*Did you mean 'contrast_up'"),
        ('["auto_contrast"]', ["recipe=RECIPE"], r"'auto_contrast' does something else to every photo.*photo=FILE"),
        ('["warmth"]', ["recipe=RECIPE", "photo=nowhere.jpg"], r"photo=nowhere\.jpg can't be read"),
        ('["warmth"]', ["recipe=RECIPE", "photo=RECIPE"], r"photo=.*can't be read: not an image"),
        ('["warmth"]', ["recipe=RECIPE", "export=[]"], r"export=\[\] names no program"),
    ],
)
def test_what_is_missing_or_wrong_is_one_message_before_anything_is_written(
    content: str | None, overrides: list[str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    if content is not None:
        text = content if content == "{" else json.dumps({"format": "apsi-recipe-1", "transforms": json.loads(content)})
        path.write_text(text)
    with pytest.raises(ApsiError, match=message):
        run(tmp_path, *(override.replace("RECIPE", str(path)) for override in overrides))
    assert not list((tmp_path / "run").glob("*.cube"))
