"""Crops in the files of other programs: read back, they are the part that the recipe leaves, however it cuts."""

import configparser
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.export.base import Export, ExportResult
from apsi.export.cube import Cube
from apsi.export.darktable import Darktable
from apsi.export.hald import Hald
from apsi.export.lightroom_preset import LightroomPreset
from apsi.export.rawtherapee import RawTherapee
from apsi.photo import Photo
from apsi.photo.box import as_stored
from apsi.photo.full_size import TURNS
from apsi.transform.recipe import Recipe
from tests.export.recipes import PHOTO
from tests.photo.test_box import boxes

ONE = ["crop(0.100,0.200,0.800,0.700)", "crop(0.050,0.000,0.900,1.000,3:2)", "crop_1_1", "crop_16_9", "crop_thirds"]
ONE += ["crop(0.100,0.100,0.700,0.900,original)"]
RECIPES = [
    *([label] for label in ONE),
    ["crop(0.100,0.200,0.800,0.700)", "crop_thirds"],
    ["warmth", "crop_4_5", "vibrance", "crop(0.100,0.200,0.800,0.700)"],
    ["crop_thirds", "auto_contrast"],
    ["crop(0.100,0.200,0.800,0.700)", "blur_box_3", "flip_horizontal"],
]
HEIGHT, WIDTH = PHOTO.shape[:2]


def preset(result: ExportResult) -> np.ndarray:
    """Left, top, right and bottom as shares of the stored pixels."""
    crs = "{http://ns.adobe.com/camera-raw-settings/1.0/}"
    (described,) = ET.parse(result.paths[0]).getroot().iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    settings = {key: described.get(f"{crs}{key}") for key in ("HasCrop", "CropAngle", "CropConstrainToWarp")}
    assert settings == {"HasCrop": "True", "CropAngle": "0", "CropConstrainToWarp": "0"}
    return np.array([float(described.attrib[f"{crs}Crop{side}"]) for side in ("Left", "Top", "Right", "Bottom")])


def profile(result: ExportResult) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # RawTherapee tells cases apart
    parser.read(result.paths[0], encoding="utf-8")
    assert parser["Crop"]["Enabled"] == "true"
    return parser["Crop"]


def pixels(crop: configparser.SectionProxy) -> tuple[int, int, int, int]:
    x, y, w, h = (crop.getint(name) for name in "XYWH")
    return x, y, x + w, y + h  # type: ignore[operator]  # all of them are there


def style(result: ExportResult) -> np.ndarray:
    plugins = ET.parse(result.paths[0]).getroot().findall("style/plugin")
    (crop,) = [plugin for plugin in plugins if plugin.findtext("operation") == "crop"]
    *sides, ratio_n, ratio_d = struct.unpack("<4f2i", bytes.fromhex(crop.findtext("op_params", "")))
    assert (ratio_n, ratio_d, crop.findtext("module"), crop.findtext("enabled")) == (-1, -1, "1", "1")
    return np.array(sides)


def cut(photo: Photo, shares: np.ndarray) -> Photo:
    height, width = photo.shape[:2]
    left, top, right, bottom = np.rint(shares * (width, height, width, height)).astype(int)
    return photo[top:bottom, left:right]


def only_cuts(labels: list[str]) -> Photo:
    """What the recipe's crops alone leave, of pixels that tell where they are."""
    places = np.indices((HEIGHT, WIDTH), np.uint8)
    left, photo = np.dstack([places[0], places[1], places[0]]), PHOTO
    for transform in Recipe.of(labels):
        fixed = transform.fixed_for(photo)
        left = fixed(left) if transform.part_of(photo) is not None else left
        photo = transform(photo)
    return left


@pytest.mark.parametrize("labels", RECIPES, ids=",".join)
def test_what_is_read_back_is_the_part_that_the_recipe_leaves(labels: list[str], tmp_path: Path) -> None:
    places = np.indices((HEIGHT, WIDTH), np.uint8)
    whole, expected, recipe = np.dstack([places[0], places[1], places[0]]), only_cuts(labels), Recipe.of(labels)
    for name, read in (("lightroom", preset), ("darktable", style)):
        export = LightroomPreset() if name == "lightroom" else Darktable()
        result = export.write(recipe, PHOTO, tmp_path, "it")
        assert np.array_equal(cut(whole, read(result)), expected), name
        assert not [one for one in result.left_out if "crop" in one.label]
    left, top, right, bottom = pixels(profile(RawTherapee(whole_path=True).write(recipe, PHOTO, tmp_path, "it")))
    assert np.array_equal(whole[top:bottom, left:right], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_program_counts_in_the_pixels_that_it_does(orientation: int, tmp_path: Path) -> None:
    """Lightroom in those that the file holds, darktable in upright ones, RawTherapee so but for mirrored files."""
    recipe = Recipe.of(["crop(0.100,0.200,0.800,0.650)"])
    expected = recipe(PHOTO)
    back = {6: 8, 8: 6}.get(orientation, orientation)
    turn = TURNS.get(orientation, lambda a: a)
    stored = np.ascontiguousarray(TURNS.get(back, lambda a: a)(PHOTO))
    assert np.array_equal(turn(stored), PHOTO)
    result = LightroomPreset().write(recipe, PHOTO, tmp_path, "it", orientation=orientation)
    assert np.array_equal(turn(cut(stored, preset(result))), expected)
    said = "stored upright" if orientation == 1 else f"stored with the EXIF orientation {orientation}"
    assert any(said in note for note in result.notes)
    result = Darktable().write(recipe, PHOTO, tmp_path, "it", orientation=orientation)
    assert np.array_equal(cut(PHOTO, style(result)), expected)
    result = RawTherapee(whole_path=True).write(recipe, PHOTO, tmp_path, "it", orientation=orientation)
    left, top, right, bottom = pixels(profile(result))
    seen = PHOTO if orientation in (1, 3, 6, 8) else stored
    found = seen[top:bottom, left:right]
    assert np.array_equal(found if orientation in (1, 3, 6, 8) else turn(found), expected)


@given(box=boxes, orientation=st.integers(1, 8))
def test_a_part_of_stored_pixels_is_turned_into_the_part(box: object, orientation: int) -> None:
    part = tuple(vars(box).values())
    there = as_stored(part, orientation)
    assert np.allclose(as_stored(there, {6: 8, 8: 6}.get(orientation, orientation)), part)


@pytest.mark.parametrize(
    ("labels", "ratio", "fixed", "orientation"),
    [
        (["crop_16_9"], "16:9", "true", "Landscape"),
        (["crop(0.100,0.000,0.500,0.900,9:16)"], "16:9", "true", "Portrait"),
        (["crop_4_5"], "4:5", "true", "Portrait"),
        (["crop(0.000,0.000,0.900,0.900,10:8)"], "4:5", "true", "Landscape"),
        (["crop(0.000,0.000,0.900,0.900,original)"], "As Image", "true", "As Image"),
        (["crop(0.000,0.000,0.900,0.900,11:9)"], "As Image", "false", "As Image"),
        (["crop_16_9", "crop(0.100,0.100,0.800,0.900)"], "As Image", "false", "As Image"),
    ],
)
def test_rawtherapee_is_told_the_ratio_where_it_knows_it(
    labels: list[str], ratio: str, fixed: str, orientation: str, tmp_path: Path
) -> None:
    crop = profile(RawTherapee(whole_path=True).write(Recipe.of(labels), PHOTO, tmp_path, "it"))
    assert (crop["Ratio"], crop["FixedRatio"], crop["Orientation"]) == (ratio, fixed, orientation)


def test_a_crop_alone_needs_no_table(tmp_path: Path) -> None:
    for export in (RawTherapee(whole_path=True), Darktable()):
        result = export.write(Recipe.of(["crop_1_1"]), PHOTO, tmp_path, "it")
        assert len(result.paths) == 1 and result.left_out == ()
        assert "crop_1_1" in result.paths[0].read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("export", [Cube(points=5, always_3d=False), Hald(level=3)])
def test_tables_name_crops_as_left_out(export: Export, tmp_path: Path) -> None:
    result = export.write(Recipe.of([*ONE, "warmth"]), PHOTO, tmp_path, "it")
    assert [one.label for one in result.left_out] == ONE
    assert {one.reason for one in result.left_out} == {"it cuts the frame"}


def test_without_the_photo_a_box_is_known_in_shares_and_nothing_in_pixels(tmp_path: Path) -> None:
    recipe = Recipe.of(["crop(0.100,0.200,0.900,0.800)", "warmth", "crop(0.000,0.000,0.500,0.500)"])
    for export, read in ((LightroomPreset(), preset), (Darktable(), style)):
        result = export.write(recipe, None, tmp_path, "it")
        assert result.left_out == () and read(result) == pytest.approx([0.1, 0.2, 0.5, 0.5], abs=1e-3)
    left_out = RawTherapee(whole_path=True).write(recipe, None, tmp_path, "it").left_out
    assert [one.label for one in left_out] == [recipe.labels[0], recipe.labels[2]]
    assert "counts in pixels" in left_out[0].reason
    for label in ("crop_1_1", "crop_thirds", "crop(0.100,0.200,0.900,0.800,3:2)"):
        (one,) = Darktable().write(Recipe.of([label, "warmth"]), None, tmp_path, "it").left_out
        assert "of a given photo only" in one.reason


@pytest.mark.parametrize("export", [RawTherapee(whole_path=True), Darktable(), LightroomPreset()])
def test_a_crop_of_what_is_left_out_is_left_out(export: Export, tmp_path: Path) -> None:
    result = export.write(Recipe.of(["flip_vertical", "crop_1_1", "warmth"]), PHOTO, tmp_path, "it")
    assert [one.label for one in result.left_out] == ["flip_vertical", "crop_1_1"]
    assert "flip_vertical, which is left out" in result.left_out[1].reason


def test_what_looks_around_a_pixel_may_differ_at_the_edges_of_a_crop_and_that_is_said(tmp_path: Path) -> None:
    with_clarity = LightroomPreset().write(Recipe.of(["crop_1_1", "clarity"]), PHOTO, tmp_path, "it")
    assert any("clarity to the whole photo" in note for note in with_clarity.notes)
    pointwise = LightroomPreset().write(Recipe.of(["crop_1_1", "warmth"]), PHOTO, tmp_path, "it")
    assert not any("to the whole photo" in note for note in pointwise.notes)


@settings(max_examples=15, deadline=None)
@given(first=boxes, second=boxes)
def test_two_crops_are_one(tmp_path_factory: pytest.TempPathFactory, first: object, second: object) -> None:
    labels = [f"crop({box})" for box in (first, second)]
    places = np.indices((HEIGHT, WIDTH), np.uint8)
    whole = np.dstack([places[0], places[1], places[0]])
    try:
        expected = Recipe.of(labels)(whole)
    except ApsiError:  # a part of less than a pixel
        return
    result = LightroomPreset().write(Recipe.of(labels), PHOTO, tmp_path_factory.mktemp("crops"), "it")
    if expected.shape != whole.shape:
        assert np.array_equal(cut(whole, preset(result)), expected)
