"""Cube files: exact where a table a channel can do it, near elsewhere, and read by others as by apsi."""

from pathlib import Path

import av
import av.filter
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.export.colours import ColourEdit
from apsi.export.cube import Cube, cube_text, read_cube
from apsi.export.lut import Lut1D, Lut3D, apply_lut, exactness, lattice, per_channel
from apsi.photo import Photo
from apsi.transform.base import Transform
from apsi.transform.recipe import Recipe
from tests.export.recipes import COLOURS, PHOTO, colour_steps, edit, per_channel_steps, spatial_steps

CUBE = Cube(points=52, always_3d=False)
SENSIBLE = ("exposure_up", "contrast_up_weak", "saturation_up_weak", "saturation_down_weak", "warmth", "coolness")
SENSIBLE += ("contrast_down_weak", "gamma_up", "gamma_down", "vibrance", "auto_contrast", "white_balance")


def ffmpeg(name: str, cube: Path, photo: Photo) -> Photo:
    """What a filter of FFmpeg's makes of a photo."""
    graph = av.filter.Graph()
    frame = av.VideoFrame.from_ndarray(photo, format="rgb24")
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=1)
    graph.link_nodes(source, graph.add(name, str(cube)), graph.add("buffersink")).configure()
    graph.vpush(frame)
    return np.asarray(graph.vpull().to_ndarray(format="rgb24"), np.uint8)


def off(one: Photo, other: Photo) -> int:
    return int(np.abs(one.astype(int) - other).max())


@settings(max_examples=15, deadline=None)
@given(st.lists(per_channel_steps, min_size=1, max_size=5))
def test_a_table_a_channel_is_the_recipe_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Transform]
) -> None:
    folder, recipe = tmp_path_factory.mktemp("cube"), Recipe(tuple(steps))
    result = CUBE.write(recipe, PHOTO, folder, "it")
    lut = read_cube(result.paths[0])
    assert isinstance(lut, Lut1D)
    assert len(lut.values) == 256
    assert np.array_equal(apply_lut(lut, PHOTO), recipe(PHOTO))
    fixed = [step.fixed_for(Recipe(tuple(steps[:i]))(PHOTO)) for i, step in enumerate(steps)]
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(apply_lut(lut, levels), Recipe(tuple(fixed))(levels))
    assert off(ffmpeg("lut1d", result.paths[0], PHOTO), recipe(PHOTO)) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_ffmpeg_reads_a_lattice_of_four_steps_within_4_of_255(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    recipe = Recipe.of(["vibrance", *rng.choice(SENSIBLE[:-3], 3, replace=False)])
    path = CUBE.write(recipe, None, tmp_path, "it").paths[0]
    lut = read_cube(path)
    assert isinstance(lut, Lut3D)
    for photo in (PHOTO, COLOURS):
        found = ffmpeg("lut3d", path, photo)
        assert off(found, recipe(photo)) <= 4
        assert off(found, apply_lut(lut, photo)) <= 1


@settings(max_examples=10, deadline=None)
@given(st.lists(colour_steps, min_size=1, max_size=3))
def test_a_lattice_is_exact_at_its_points(steps: list[Transform]) -> None:
    transforms = tuple(step.fixed_for(PHOTO) for step in steps)
    points = COLOURS // 5 * 5
    made = ColourEdit(transforms)
    assert np.array_equal(apply_lut(lattice(made, 52), points), made(points))


@pytest.mark.parametrize("labels", [["stop"], ["swap_rg", "swap_rg"], ["saturation(+0.000)"]])
def test_colour_steps_that_change_nothing_make_an_identical_table(labels: list[str], tmp_path: Path) -> None:
    result = CUBE.write(Recipe.of(labels), None, tmp_path, "it")
    assert result.left_out == ()
    assert np.array_equal(apply_lut(read_cube(result.paths[0]), COLOURS), COLOURS)


@pytest.mark.parametrize("labels", [[], ["blur_gauss_3", "crop_1_1", "clahe"]])
def test_where_there_is_nothing_to_export_no_file_is_written_and_the_result_says_so(
    labels: list[str], tmp_path: Path
) -> None:
    result = CUBE.write(Recipe.of(labels), PHOTO, tmp_path, "it")
    assert result.paths == ()
    assert [one.label for one in result.left_out] == labels
    assert "nothing to export" in result.notes[0]
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=20, deadline=None)
@given(st.lists(colour_steps | spatial_steps, min_size=1, max_size=5))
def test_no_step_is_dropped_in_silence(tmp_path_factory: pytest.TempPathFactory, steps: list[Transform]) -> None:
    result = Cube(points=5, always_3d=False).write(Recipe(tuple(steps)), PHOTO, tmp_path_factory.mktemp("cube"), "it")
    left_out = [one.label for one in result.left_out]
    text = result.paths[0].read_text() if result.paths else ""
    head = text[: text.index("_SIZE")] if text else ""
    for step in steps:
        assert step.label in left_out or step.label in head
    assert all(one.reason in head for one in result.left_out) or not text


def test_the_file_says_what_it_is_for_which_photo_what_is_left_out_and_how_exact(tmp_path: Path) -> None:
    result = CUBE.write(Recipe.of(["auto_contrast", "clahe", "saturation_up"]), PHOTO, tmp_path, "it")
    head = result.paths[0].read_text().partition("LUT_3D_SIZE 52")[0].splitlines()
    assert head[0] == 'TITLE "it"'
    assert head[1] == "# Made by apsi of: auto_contrast, saturation_up."
    assert head[2].startswith("# For this photo only") and head[2].endswith("auto_contrast.")
    assert head[3] == "# Left out: clahe, as what becomes of a pixel depends on other pixels."
    assert head[4].startswith("# The table is within ") and head[4][2:] in result.notes


def test_what_a_table_a_channel_could_do_is_a_lattice_where_a_program_takes_nothing_else(tmp_path: Path) -> None:
    result = Cube(points=33, always_3d=True).write(Recipe.of(["gamma_up"]), None, tmp_path, "it")
    lut = read_cube(result.paths[0])
    assert isinstance(lut, Lut3D)
    assert lut.values.shape == (33, 33, 33, 3)


def test_how_exact_a_table_is_is_measured() -> None:
    made = edit("saturation_up", "contrast_up_strong")
    fine, coarse = exactness(lattice(made, 52), made), exactness(lattice(made, 5), made)
    assert coarse.largest > 4 * fine.largest
    assert exactness(per_channel(edit("invert_all")), edit("invert_all")).largest == 0  # type: ignore[arg-type]  # a table


def test_points_between_bytes_are_taken_from_the_bytes_around_them() -> None:
    lut = lattice(edit("invert_all"), 64)
    assert np.allclose(lut.values[:, 0, 0, 0], np.linspace(1, 0, 64))


@pytest.mark.parametrize(
    "text", ["", "LUT_1D_SIZE 3\n0 0 0\n1 1 1\n", "LUT_3D_SIZE x\n", "LUT_1D_SIZE\n", "LUT_1D_SIZE 1\n0 zero 0\n"]
)
def test_what_is_no_cube_is_an_error_that_names_the_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.cube").write_text(text)
    with pytest.raises(ApsiError, match=r"broken\.cube is no \.cube file"):
        read_cube(tmp_path / "broken.cube")


def test_red_changes_fastest_as_the_specification_says() -> None:
    rows = cube_text(lattice(edit("stop"), 2), "it", []).splitlines()[2:]
    assert rows == ["0 0 0", "1 0 0", "0 1 0", "1 1 0", "0 0 1", "1 0 1", "0 1 1", "1 1 1"]
