"""Measures of crops, by cases made by hand."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.evaluate.framing import AREA, FIXATIONS, PLACE, FramingMeasures, faces_cut, kept, read_fixations, with_overlap
from apsi.photo.box import WHOLE, Box
from apsi.photo.prepared import Episode
from apsi.policy.rollout import EpisodeResult

HALF = Box(0, 0, 0.5, 1)
EPISODE = Episode(Path("a.png"), Path("a.png"), "a.jpg", "h", (), 5, 5)
RESULT = EpisodeResult(EPISODE, (), 5, True, 0, 0, ())


def test_fixations_in_the_box_count_and_those_beside_the_photo_do_not() -> None:
    points = np.array([[0.1, 0.1], [0.4, 0.9], [0.6, 0.5], [1.2, 0.5], [0.2, -0.1]])
    assert kept(points, HALF) == pytest.approx(2 / 3) and kept(points, WHOLE) == 1
    assert math.isnan(kept(points[3:], WHOLE))


def test_a_face_that_is_cut_or_left_out_counts() -> None:
    faces = np.array([[0.1, 0.1, 0.2, 0.2], [0.45, 0.1, 0.55, 0.2], [0.8, 0.1, 0.9, 0.2]])
    assert faces_cut(faces, HALF) == 2 and faces_cut(faces, WHOLE) == 0 and faces_cut(faces[:0], HALF) == 0


def test_overlap_with_the_reference_is_of_the_crops() -> None:
    results = {"agent": [replace(RESULT, box=HALF)], "all": [replace(RESULT, box=Box(0.25, 0, 0.75, 1))]}
    compared = with_overlap(results, "all")
    assert compared["agent"][0].measures["IoU with all"] == (pytest.approx(0.5), pytest.approx(1 / 3))
    assert compared["all"][0].measures["IoU with all"][1] == 1


def test_fixations_are_read_by_file_and_what_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "fixations.json"
    file.write_text(json.dumps({"a.jpg": [[[0.1, 0.2, 246], [0.3, 0.4, 9]], [[0.5, 0.6, 1]]], "b.jpg": []}))
    fixations = read_fixations(str(file))
    assert fixations["a.jpg"].tolist() == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]] and fixations["b.jpg"].shape == (0, 2)
    assert list(FramingMeasures.of(str(file), "longest_side").all())[:4] == [AREA, *PLACE, FIXATIONS]
    assert FIXATIONS not in FramingMeasures.of(None, "square").all()
    with pytest.raises(ApsiError, match="longest_side"):
        FramingMeasures.of(str(file), "square")
    with pytest.raises(ApsiError, match="can't be read"):
        read_fixations(str(tmp_path / "none.json"))
    for wrong in ("[1]", '{"a": 3}', '{"a": [[["x", 1]]]}', '{"a": [[[320, 200, 1]]]}', "nothing"):
        file.write_text(wrong)
        with pytest.raises(ApsiError, match="is not a file of fixations"):
            read_fixations(str(file))
