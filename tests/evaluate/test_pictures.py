"""Pictures name the photo and what was done to it, show nothing twice and cut nothing off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from apsi.evaluate.pictures import (
    SMALL,
    TILE_WIDTH,
    before_after,
    heading,
    mosaic,
    original,
    same_episodes,
    save_pictures,
    titled,
    with_small_frames,
)
from apsi.evaluate.saver import ImageSaver
from apsi.photo.write import write_png
from apsi.policy.rollout import EpisodeResult, Frame
from apsi.transform.catalogue import catalogue

Results = dict[str, list[EpisodeResult]]


def test_the_mosaic_has_a_row_an_episode_and_a_tile_a_state(results: Results) -> None:
    one, two = mosaic(results["greedy"][:1]), mosaic(results["greedy"][:2])
    assert two.dtype == np.uint8
    assert two.shape == (2 * one.shape[0], 2 * TILE_WIDTH, 3)


def test_a_picture_names_the_photo_and_its_degradation(results: Results) -> None:
    first = results["greedy"][0]
    assert heading(first) == "0.jpg, degraded by swap_rb"
    assert heading(replace(first, episode=replace(first.episode, degradation=()))) == "0.jpg"


def test_every_label_of_the_catalogue_fits_a_tile_and_a_long_heading_is_not_cut() -> None:
    font = ImageFont.load_default(size=12)
    assert max(font.getlength(label) for label in catalogue()) <= TILE_WIDTH - 8
    narrow = np.zeros((10, TILE_WIDTH, 3), np.uint8)
    name = "a/rather/long/folder/and/name/of/a/photo.jpeg, degraded by swap_rb"
    wide = titled(narrow, name)
    assert wide.shape[1] > ImageFont.load_default(size=14).getlength(name)
    assert (wide[:, -2:] == 255).all()


def test_frames_of_any_label_make_rows_of_the_same_width(results: Results) -> None:
    shown = results["greedy"][0]
    labels = ["x" * n for n in (1, 40, 400)]
    frames = tuple(Frame(shown.frames[0].photo, label, 1.0) for label in labels)
    assert mosaic([replace(shown, frames=frames)]).shape[1] == 3 * TILE_WIDTH


def test_what_began_with_the_original_does_not_show_it_twice(results: Results, tmp_path: Path) -> None:
    first = results["greedy"][0]
    assert original(first) is not None
    write_png(tmp_path / "same.png", first.frames[0].photo)
    same = replace(first, episode=replace(first.episode, original=tmp_path / "same.png", degradation=()))
    assert original(same) is None
    assert before_after({"greedy": first}).shape[1] == 3 * TILE_WIDTH
    assert before_after({"greedy": same}).shape[1] == 2 * TILE_WIDTH


def test_a_policy_that_made_no_edit_repeats_no_picture(results: Results) -> None:
    both = {name: played[0] for name, played in results.items()}
    assert len(both["nothing"].frames) == 1
    assert before_after(both).shape[1] == 3 * TILE_WIDTH


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_there_is_a_picture_of_each_episode_that_kept_its_frames_and_a_mosaic_of_each_policy_that_edited(
    results: Results, tmp_path: Path, kept: int
) -> None:
    few = {
        name: [result if i < kept else replace(result, frames=()) for i, result in enumerate(played)]
        for name, played in results.items()
    }
    assert [list(shown) for shown in same_episodes(few)] == kept * [["greedy", "nothing"]]
    with ImageSaver() as saver:
        save_pictures(tmp_path / "first", few, saver)
        save_pictures(tmp_path / "turned", dict(reversed(few.items())), saver)
    pictures = {f"before_after_{i + 1:02d}.png" for i in range(kept)}
    assert {path.name for path in (tmp_path / "first").glob("*.png")} == (pictures | {"mosaic.png"} if kept else set())
    turned = {path.name for path in (tmp_path / "turned").glob("*.png")}
    assert turned == (pictures | {"mosaic.png", "mosaic_greedy.png"} if kept else set())


def test_frames_are_kept_no_larger_than_a_page_shows_them(results: Results) -> None:
    big = np.zeros((SMALL * 2, SMALL * 4, 3), np.uint8)
    played = replace(results["greedy"][0], frames=(Frame(big, "", 1.0),))
    assert with_small_frames(played).frames[0].photo.shape == (SMALL // 2, SMALL, 3)
    little = results["greedy"][0]
    assert with_small_frames(little).frames[0].photo is little.frames[0].photo
