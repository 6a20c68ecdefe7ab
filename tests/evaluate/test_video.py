"""The film of training: what is written can be played, and shows the pictures in order."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from apsi.evaluate.video import write_video
from apsi.photo import Photo
from apsi.photo.write import write_png


def frames(path: Path) -> list[Photo]:
    """The film as another program reads it."""
    film, read = cv2.VideoCapture(str(path)), []
    while (frame := film.read())[0]:
        read.append(frame[1][..., ::-1])
    return read


def test_the_film_plays_every_picture_in_order_and_pads_smaller_ones_with_white(tmp_path: Path) -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    shapes = [(61, 80), (40, 51), (61, 99)]
    paths = []
    for i, (colour, shape) in enumerate(zip(colours, shapes, strict=True)):
        paths.append(tmp_path / f"{i}.png")
        write_png(paths[-1], np.full((*shape, 3), colour, np.uint8))
    write_video(tmp_path / "film.mp4", paths)
    shown = frames(tmp_path / "film.mp4")
    assert len(shown) == 5 + 5 + 25
    assert {frame.shape for frame in shown} == {(62, 100, 3)}
    for frame, colour in zip((shown[2], shown[7], shown[-1]), colours, strict=True):
        assert np.abs(frame[5:35, 5:45].mean(axis=(0, 1)) - colour).max() < 12
    assert shown[7][50:60, 70:90].mean() > 240


def test_a_film_that_can_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "film.mp4").write_text("old")
    with pytest.raises(OSError):
        write_video(tmp_path / "film.mp4", [tmp_path / "a.png", tmp_path / "missing.png"])
    assert (tmp_path / "film.mp4").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "film.mp4"]
