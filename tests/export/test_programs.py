"""What the programs themselves make of a profile or style: skipped where they are not installed."""

import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from apsi.export.base import Export
from apsi.export.darktable import Darktable
from apsi.export.rawtherapee import RawTherapee
from apsi.photo import Photo
from apsi.photo.full_size import TURNS
from apsi.photo.read import read_photo
from apsi.photo.write import write_png
from apsi.transform.recipe import Recipe
from tests.export.recipes import COLOURS, PHOTO

RECIPES = [["stop"], ["auto_contrast", "warmth"], ["vibrance", "contrast_up_weak"], ["gray_luma"], ["swap_rb"]]


def run(folder: Path, *words: str | Path) -> None:
    """Runs a program that keeps what it remembers in `folder`."""
    environment = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    subprocess.run(list(map(str, words)), env=environment, check=True, capture_output=True, timeout=120)


def read(path: Path) -> Photo:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.rint(picture[..., ::-1] / (np.iinfo(picture.dtype).max / 255)).astype(np.uint8)


def rawtherapee(files: tuple[Path, ...], photo: Path, folder: Path) -> Photo:
    run(folder, "rawtherapee-cli", "-a", "-o", folder / "out.tif", "-b16", "-t", "-Y", "-p", files[0], "-c", photo)
    return read(folder / "out.tif")


def darktable(files: tuple[Path, ...], photo: Path, folder: Path) -> Photo:
    def export(out: str, *words: str | Path, lua: str = "") -> None:
        core = ("--core", "--configdir", folder / "config", "--cachedir", folder, "--disable-opencl")
        core = (*core, "--conf", f"plugins/darkroom/lut3d/def_path={files[1].parent}")
        core = (*core, "--conf", "plugins/imageio/format/tiff/bpp=16", *(("--luacmd", lua) if lua else ()))
        run(folder, "darktable-cli", photo, folder / out, "--icc-type", "SRGB", *words, *core)

    style = f"apsi {files[0].name.partition('.')[0]}"
    export("first.tif", lua=f'require("darktable").styles.import("{files[0]}")')
    export("out.tif", "--style", style, "--style-overwrite")
    return read(folder / "out.tif")


PROGRAMS = pytest.mark.parametrize(
    ("export", "program"),
    [
        pytest.param(export, program, marks=pytest.mark.skipif(not shutil.which(cli), reason=f"{cli} is not installed"))
        for export, program, cli in (
            (RawTherapee(whole_path=True), rawtherapee, "rawtherapee-cli"),
            (Darktable(), darktable, "darktable-cli"),
        )
    ],
    ids=["rawtherapee", "darktable"],
)


@pytest.mark.slow
@pytest.mark.parametrize("labels", RECIPES, ids=",".join)
@PROGRAMS
def test_the_program_is_within_2_of_255_of_the_recipe(
    export: Export, program: object, labels: list[str], tmp_path: Path
) -> None:
    assert callable(program)
    recipe = Recipe.of(labels)
    files = export.write(recipe, PHOTO, tmp_path / "made", "Grün & Blau").paths
    fixed = Recipe(tuple(step.fixed_for(Recipe(recipe.transforms[:i])(PHOTO)) for i, step in enumerate(recipe)))
    for name, photo in (("photo", PHOTO), ("colours", COLOURS)):
        write_png(tmp_path / f"{name}.png", photo)
        (tmp_path / name).mkdir()
        found = program(files, tmp_path / f"{name}.png", tmp_path / name)
        assert np.abs(found.astype(int) - fixed(photo)).max() <= 2, name


@pytest.mark.slow
@pytest.mark.parametrize("orientation", [1, 2, 6, 8])
@pytest.mark.parametrize("labels", [["crop_16_9"], ["crop(0.100,0.205,0.800,0.650,3:2)", "warmth", "crop_thirds"]])
@PROGRAMS
def test_the_program_cuts_the_part_that_the_recipe_leaves(
    export: Export, program: object, labels: list[str], orientation: int, tmp_path: Path
) -> None:
    """To the pixel; within one of files that darktable turns, which it takes between their pixels."""
    assert callable(program)
    y, x = np.mgrid[:100, :150]
    places = np.stack([x * 255 // 149, y * 255 // 99, 0 * x + 128], axis=-1).astype(np.uint8)
    back = TURNS.get({6: 8, 8: 6}.get(orientation, orientation), lambda a: a)
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(back(places)))
    stored.save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    upright, recipe = read_photo(tmp_path / "a.jpg"), Recipe.of(labels)
    files = export.write(recipe, upright, tmp_path / "made", "it", orientation=orientation).paths
    (tmp_path / "out").mkdir()
    found = program((files[0], files[-1]), tmp_path / "a.jpg", tmp_path / "out")
    if isinstance(export, RawTherapee) and orientation == 2:  # it leaves mirrored files as they are
        found = found[:, ::-1]
    expected = recipe(upright)
    off = int(isinstance(export, Darktable) and orientation != 1)
    assert np.abs(np.subtract(found.shape, expected.shape)).max() <= off
    high, wide = np.minimum(found.shape, expected.shape)[:2]
    assert (np.abs(found[:high, :wide].astype(int) - expected[:high, :wide]).mean(axis=(0, 1)) < 2 + off).all()
