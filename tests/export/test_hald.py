"""HaldCLUTs, and the profiles and styles that name them."""

import configparser
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest

from apsi.export.darktable import Darktable
from apsi.export.hald import Hald
from apsi.export.lut import Lut3D, apply_lut
from apsi.export.rawtherapee import RawTherapee
from apsi.transform.recipe import Recipe
from tests.export.recipes import COLOURS, PHOTO

RECIPE = Recipe.of(["vibrance", "warmth"])


def read_hald(path: Path) -> Lut3D:
    """As programs do: red changes fastest along the rows, then green, then blue."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    points = round(picture.shape[0] ** (2 / 3))
    rows = picture[..., ::-1].reshape(points, points, points, 3) / np.iinfo(picture.dtype).max
    return Lut3D(rows.transpose(2, 1, 0, 3))


def test_level_8_has_512_pixels_a_side_and_is_near_the_recipe(tmp_path: Path) -> None:
    result = Hald(level=8).write(RECIPE, None, tmp_path, "it")
    assert [path.name for path in result.paths] == ["it.hald.png"]
    picture = cv2.imread(str(result.paths[0]), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == (512, 512, 3)
    assert picture.dtype == np.uint16
    off = np.abs(apply_lut(read_hald(result.paths[0]), COLOURS).astype(int) - RECIPE(COLOURS))
    assert off.max() <= 2
    assert "within 2 of 255" in result.notes[0]


def test_a_hald_of_nothing_is_the_well_known_picture(tmp_path: Path) -> None:
    path = Hald(level=3).write(Recipe.of(["stop"]), None, tmp_path, "it").paths[0]
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    colours = picture[..., ::-1].reshape(-1, 3) / 65535
    expected = [[i % 9 / 8, i // 9 % 9 / 8, i // 81 / 8] for i in range(729)]
    assert np.abs(colours - expected).max() < 1e-5


@pytest.mark.parametrize("whole_path", [True, False])
def test_a_profile_names_the_hald_with_its_folder_or_without(whole_path: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out \\ side"
    profile, hald = RawTherapee(whole_path=whole_path).write(RECIPE, None, folder, "Grün").paths
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(profile, encoding="utf-8")
    film = parser["Film Simulation"]
    named = film["ClutFilename"].replace("\\\\", "\\")
    assert named == (str(hald) if whole_path else "Grün.hald.png")
    assert (film["Enabled"], film["Strength"]) == ("true", "100")
    assert parser.sections() == ["Version", "Film Simulation"]


def test_a_style_has_one_module_that_names_the_hald(tmp_path: Path) -> None:
    result = Darktable().write(Recipe.of(["auto_contrast", "clahe"]), PHOTO, tmp_path, "<Grün>")
    style = ET.parse(result.paths[0]).getroot()
    assert style.findtext("info/name") == "apsi _Grün_"
    assert "auto_contrast" in style.findtext("info/description", "")
    assert "Left out: clahe" in style.findtext("info/description", "")
    (plugin,) = style.findall("style/plugin")
    parameters = bytes.fromhex(plugin.findtext("op_params", ""))
    file, colour_space, interpolation, keypoints = struct.unpack_from("<512siii", parameters)
    assert plugin.findtext("operation") == "lut3d"
    assert len(parameters) == 12940
    assert file.rstrip(b"\0").decode() == "_Grün_.hald.png" == result.paths[1].name
    assert (colour_space, interpolation, keypoints) == (0, 0, 0)
