"""Lightroom presets: well-formed, with the documented setting for each strength."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from apsi.export.base import ExportResult
from apsi.export.lightroom_preset import LightroomPreset
from apsi.photo import Photo
from apsi.transform.catalogue import by_label
from apsi.transform.recipe import Recipe
from tests.export.recipes import PHOTO

CRS = "{http://ns.adobe.com/camera-raw-settings/1.0/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMES = {"crs": CRS.strip("{}"), "rdf": RDF.strip("{}")}


def write(
    folder: Path, labels: list[str], photo: Photo | None = None, name: str = "it"
) -> tuple[ET.Element, ExportResult]:
    """What the preset describes, and the result."""
    result = LightroomPreset().write(Recipe.of(labels), photo, folder, name)
    (described,) = ET.parse(result.paths[0]).getroot().findall(f"{RDF}RDF/{RDF}Description")
    return described, result


def settings(described: ET.Element) -> dict[str, str]:
    """The develop settings, without what every preset has."""
    head = {"PresetType", "Cluster", "UUID", "Version", "ProcessVersion", "HasSettings"}
    found = {key.removeprefix(CRS): value for key, value in described.attrib.items() if key.startswith(CRS)}
    return {key: value for key, value in found.items() if key not in head and not key.startswith("Supports")}


def curve(described: ET.Element, channel: str) -> list[tuple[int, int]]:
    points = described.findall(f"crs:ToneCurvePV2012{channel}/rdf:Seq/rdf:li", NAMES)
    return [(int(x), int(y)) for x, _, y in (str(point.text).partition(", ") for point in points)]


@pytest.mark.parametrize(
    ("label", "key", "value"),
    [
        ("exposure_up", "Exposure2012", 0.5),
        ("exposure(-0.330)", "Exposure2012", -0.33),
        ("exposure_error(+1.80)", "Exposure2012", 1.8),
        ("contrast(+0.400)", "Contrast2012", 40),
        ("contrast_up_weak", "Contrast2012", 26),  # times 1.2: its binary logarithm, as contrast(1) is times 2
        ("contrast_down_strong", "Contrast2012", -100),
        ("saturation_up", "Saturation", 50),
        ("saturation(-0.020)", "Saturation", -2),
        ("vibrance", "Vibrance", 50),
        ("vibrance(-0.700)", "Vibrance", -70),
        ("warmth", "IncrementalTemperature", 60),
        ("temperature(-0.250)", "IncrementalTemperature", -25),
        ("tint(+0.300)", "IncrementalTint", 30),
        ("clarity", "Clarity2012", 10),
    ],
)
def test_a_strength_becomes_the_documented_setting(label: str, key: str, value: float, tmp_path: Path) -> None:
    found = settings(write(tmp_path, [label])[0])
    assert list(found) == [key]
    assert float(found[key]) == pytest.approx(value, abs=0.011 if key == "Exposure2012" else 1)
    assert found[key][0] in "+-"


def test_what_has_no_slider_and_treats_channels_apart_becomes_tone_curves_together(tmp_path: Path) -> None:
    labels = ["gamma_up", "saturation_up", "invert_r"]
    described, result = write(tmp_path, labels)
    assert result.left_out == ()
    assert settings(described) == {"Saturation": "+50", "ToneCurveName2012": "Custom"}
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    expected = Recipe.of(["gamma_up", "invert_r"])(levels.repeat(3).reshape(1, -1, 3))[0]
    for c, channel in enumerate(("Red", "Green", "Blue")):
        assert curve(described, channel) == list(zip(levels.tolist(), expected[:, c].tolist(), strict=True))


def test_what_depends_on_the_photo_is_fixed_for_it_and_said_so(tmp_path: Path) -> None:
    pale = PHOTO // 2 + 40
    described, result = write(tmp_path, ["auto_contrast"], pale)
    assert curve(described, "Red")[8][1] > 180
    assert result.notes[0].startswith("For this photo only") and "auto_contrast" in result.notes[0]
    assert "auto_contrast" in str(described.findtext("crs:Description/rdf:Alt/rdf:li", "", NAMES))


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("blur_gauss_5", "depends on other pixels"),
        ("sharpen_4", "depends on other pixels"),
        ("clahe", "depends on other pixels"),
        ("blur_sharpen(+0.400)", "depends on other pixels"),
        ("swap_rg", "no slider of Lightroom's comes near"),
        ("gray_luma", "no slider of Lightroom's comes near"),
        ("flip_horizontal", "moves pixels"),
    ],
)
def test_what_comes_near_to_no_setting_is_listed(label: str, why: str, tmp_path: Path) -> None:
    described, result = write(tmp_path, [label, "exposure_up"], PHOTO)
    assert [one.label for one in result.left_out] == [label]
    assert why in result.left_out[0].reason
    assert list(settings(described)) == ["Exposure2012"]
    assert f"Left out: {label}" in str(described.findtext("crs:Description/rdf:Alt/rdf:li", "", NAMES))


def test_strengths_of_one_slider_add_up_and_end_where_it_ends(tmp_path: Path) -> None:
    described, result = write(
        tmp_path, ["saturation(+0.300)", "saturation(+0.250)", "contrast_up_strong", "contrast_up"]
    )
    assert settings(described) == {"Saturation": "+55", "Contrast2012": "+100"}
    assert [note for note in result.notes if "Contrast2012 ends at 100, and 158" in note]
    assert not [note for note in result.notes if "Saturation" in note]


def test_a_crop_is_the_part_that_is_kept_of_the_part_that_was_kept(tmp_path: Path) -> None:
    recipe = Recipe.of(["crop_1_1", "crop_thirds"])
    described, result = write(tmp_path, recipe.labels, PHOTO)
    found = settings(described)
    assert (found["HasCrop"], found["CropAngle"], result.left_out) == ("True", "0", ())
    h, w = PHOTO.shape[:2]
    left, right = (round(float(found[f"Crop{edge}"]) * w) for edge in ("Left", "Right"))
    top, bottom = (round(float(found[f"Crop{edge}"]) * h) for edge in ("Top", "Bottom"))
    assert np.array_equal(PHOTO[top:bottom, left:right], recipe(PHOTO))


def test_where_a_crop_lies_is_not_known_without_a_photo_or_after_what_is_left_out(tmp_path: Path) -> None:
    _, without = write(tmp_path, ["crop_1_1", "exposure_up"])
    assert "of a given photo only" in without.left_out[0].reason
    _, after = write(tmp_path, ["flip_horizontal", "crop_1_1", "exposure_up"], PHOTO)
    assert [one.label for one in after.left_out] == ["flip_horizontal", "crop_1_1"]
    assert "flip_horizontal, which is left out" in after.left_out[1].reason


def test_what_turns_the_frame_is_no_crop_and_no_crop_follows_it(tmp_path: Path) -> None:
    y, x = np.mgrid[:120, :180]
    tilted = np.where(y + 0.06 * x > 65, 40, 210).astype(np.uint8)[..., None].repeat(3, axis=2)
    turned = by_label("level_horizon")(tilted)
    assert turned.shape != tilted.shape
    _, result = write(tmp_path, ["level_horizon", "crop_1_1", "exposure_up"], tilted)
    assert [one.label for one in result.left_out] == ["level_horizon", "crop_1_1"]


def test_a_preset_is_well_formed_and_named_whatever_the_photo_is_called(tmp_path: Path) -> None:
    described, result = write(tmp_path, ["exposure_up"], name='Grün & <"Söhne">')
    assert result.paths[0].parent == tmp_path
    assert described.findtext("crs:Name/rdf:Alt/rdf:li", "", NAMES) == "Grün & __Söhne__ (apsi, approximate)"
    assert described.get(f"{CRS}PresetType") == "Normal"
    assert len(str(described.get(f"{CRS}UUID"))) == 32


def test_a_preset_has_the_same_identifier_when_it_is_made_again_and_another_with_other_settings(tmp_path: Path) -> None:
    again = [write(tmp_path, labels)[0].get(f"{CRS}UUID") for labels in (["warmth"], ["warmth"], ["coolness"])]
    assert again[0] == again[1] != again[2]
