"""The source's pairs: boxes are held against their photos, and what nobody said is no tie."""

import json
from pathlib import Path
from typing import Any

import pytest

from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.format.base import Imported, add
from apsi.preference.format.names import Names
from apsi.preference.format.source import Source

DEFAULT = {"zero": "tie", "annotator": "source", "order": "auto", "slack": 2.0, "skip_missing": False}
A, B = [10, 8, 60, 48], [50, 40, 100, 80]


def entry(preference: Any = 1, image: str = "a.png", a: Any = A, b: Any = B, **more: Any) -> dict[str, Any]:
    return {"image": image, "crop_a": a, "crop_b": b, "preference": preference} | more


def read(content: Any, names: Names, tmp_path: Path, **settings: Any) -> Imported:
    file = tmp_path / "preference_pairs.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return Source(**{**DEFAULT, **settings}).read(file, names)


def test_pixels_become_shares_and_a_stands_left(names: Names, tmp_path: Path) -> None:
    found = read({"pairs": [entry(1)]}, names, tmp_path)
    assert found.pairs[0].left.recipe == ("crop(0.100,0.100,0.600,0.600)",)
    assert found.pairs[0].right.recipe == ("crop(0.500,0.500,1.000,1.000)",)
    assert found.pairs[0].source == "source" and len(found.pairs[0].left.photo) == 64
    assert (found.answers[0].answer, found.answers[0].left) == ("left", found.pairs[0].left.key)


def test_shares_need_no_photo_and_the_whole_photo_no_crop(names: Names, tmp_path: Path) -> None:
    found = read([entry("B", "away.jpg", [0, 0, 1, 1], [0.1, 0.1, 0.9, 0.9])], names, tmp_path)
    assert found.pairs[0].left.photo == "name:away.jpg" and found.pairs[0].left.recipe == ()
    assert found.answers[0].answer == "right"


@pytest.mark.parametrize(
    ("preference", "said"),
    [
        *((word, "left") for word in (1, "a", "A", "1")),
        *((word, "right") for word in (2, "b", "B")),
        *((word, "tie") for word in (0, "0")),
        *((word, None) for word in (None, -1, "", "null")),
    ],
)
def test_no_preference_and_not_answered_differ(preference: Any, said: str | None, names: Names, tmp_path: Path) -> None:
    found = read([entry(preference)], names, tmp_path)
    assert [one.answer for one in found.answers] == ([] if said is None else [said])
    assert len(found.pairs) == 1, "it is there to be answered"


@pytest.mark.parametrize(("zero", "said"), [("tie", ["tie"]), ("skip", ["skip"]), ("unanswered", [])])
def test_what_0_means_can_be_said(zero: str, said: list[str], names: Names, tmp_path: Path) -> None:
    found = read([entry(0), entry(None, a=[0, 0, 50, 50])], names, tmp_path, zero=zero)
    assert [one.answer for one in found.answers] == said and not found.notes


def test_0_in_a_file_that_says_of_none_that_nobody_was_asked_is_doubted(names: Names, tmp_path: Path) -> None:
    found = read([entry(0), entry(1)], names, tmp_path)
    assert "1 of 2 preferences are 0" in found.notes[0] and "preference.format.zero=unanswered" in found.notes[0]


@pytest.mark.parametrize("preference", [3, 0.5, True, [1], {"a": 1}, "left", 10**400])
def test_another_preference_is_refused(preference: Any, names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"preference_pairs.json, entry 2: preference=.* must be 1 or a"):
        read([entry(), entry(preference)], names, tmp_path)


def test_width_and_height_where_corners_were_meant_are_named(names: Names, tmp_path: Path) -> None:
    sizes = [entry(a=[40, 30, 20, 25], b=[10, 8, 50, 40])]
    with pytest.raises(ApsiError) as caught:
        read(sizes, names, tmp_path)
    said = str(caught.value)
    assert "entry 1, crop_a: the box 40, 30, 20, 25 (x1, y1, x2, y2) of a.png, which is 100 x 80 pixels" in said
    assert "is empty or inverted" in said and "say preference.format.order='x y width height'" in said
    found = read(sizes, names, tmp_path, order="x y width height")
    assert found.pairs[0].left.recipe == ("crop(0.400,0.375,0.600,0.688)",)


BOTH = [10, 8, 60, 48]  # as sizes it ends at 70, 56


def test_boxes_that_fit_in_both_ways_are_asked_about(names: Names, tmp_path: Path) -> None:
    def boxes(count: int) -> list[dict[str, Any]]:
        return [entry(a=[k, 8, 60, 48], b=[0, 0, 90, 70]) for k in range(1, count + 1)]

    with pytest.raises(ApsiError, match=r"preference_pairs.json: all 8 boxes that do not begin at 0, 0 fit .* as well"):
        read(boxes(8), names, tmp_path)
    few = read(boxes(7), names, tmp_path)
    assert "all 7 boxes" in few.notes[0] and "were read as x1, y1, x2, y2" in few.notes[0]
    assert "the 1 boxes" in read(boxes(1), names, tmp_path).notes[0]
    assert not read([*boxes(20), entry(a=BOTH, b=B)], names, tmp_path).notes, "one that can only be corners tells"
    corners = read(boxes(8), names, tmp_path, order="x1 y1 x2 y2")
    sizes = read(boxes(8), names, tmp_path, order="x y width height")
    assert corners.pairs[0].left.recipe == ("crop(0.010,0.100,0.600,0.600)",) and not corners.notes
    assert sizes.pairs[0].left.recipe == ("crop(0.010,0.100,0.610,0.700)",) and not sizes.notes


def test_slack_is_cut_off_and_more_is_refused(names: Names, tmp_path: Path) -> None:
    found = read([entry(b=[50, 40, 101, 82])], names, tmp_path)
    assert found.pairs[0].right.recipe == ("crop(0.500,0.500,1.000,1.000)",)
    with pytest.raises(ApsiError, match="reaches beyond it") as caught:
        read([entry(b=[50, 40, 101, 83])], names, tmp_path)
    assert "preference.format.slack=2" in str(caught.value) and "crops." not in str(caught.value)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([60, 8, 10, 48], "empty or inverted"),
        ([10, 8, 60], "must be 4 numbers"),
        ("10 8", "must be 4 numbers"),
        ([10, 8, 60, None], "must be 4 numbers"),
        ([10, 8, 60, 10**400], "must be 4 numbers"),
        ([10, 8, 60, True], "finite numbers"),
        (None, "must be 4 numbers"),
    ],
)
def test_a_box_that_is_none_is_named(box: Any, message: str, names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=rf"preference_pairs.json, entry 2, crop_a.*{message}"):
        read([entry(), entry(a=box)], names, tmp_path)


def test_photos_that_are_not_there_are_an_error_or_left_out(names: Names, tmp_path: Path) -> None:
    pairs = [entry(), entry(image="away.jpg")]
    with pytest.raises(ApsiError, match=r"entry 2: 'away.jpg' is not among the photos .*skip_missing=true"):
        read(pairs, names, tmp_path)
    found = read(pairs, names, tmp_path, skip_missing=True)
    assert len(found.pairs) == 1 and "1 pairs are left out" in found.notes[0]


@pytest.mark.parametrize("image", ["../a.png", "/etc/passwd", "a\0.png", "sub\\b.png", "", "x" * 400, 3, None])
def test_names_lead_nowhere(image: Any, names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"entry 1: .*(is no name|is no photo|must be a text)"):
        read([entry(image=image)], names, tmp_path)


def test_the_same_line_twice_counts_once_and_again_adds_nothing(names: Names, tmp_path: Path) -> None:
    folder = PreferenceFolder(tmp_path / "preferences")
    content = [entry(), entry(), entry(1, annotator="Ann"), entry(1, annotator="Bob", time="2026-01-01")]
    added = add(folder, read(content, names, tmp_path))
    assert (added.pairs, added.answers, added.annotators) == (1, 3, ["Ann", "Bob", "source"])
    assert add(folder, read(content, names, tmp_path)).answers == 0
    assert len(folder.comparisons()) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('[{"image": "a.png", "crop_a"', "is not whole JSON"),
        ("[" + "9" * 5000 + "]", "is not whole JSON"),
        ("\xff", "list|JSON"),
        ("[]", "must be a list of pairs"),
        ('{"annotations": []}', "must be a list of pairs, not None"),
        ("[1]", "entry 1: 1 is no object"),
    ],
)
def test_broken_and_foreign_files(content: str, message: str, names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=message):
        read(content, names, tmp_path)


def test_an_order_that_means_nothing_is_refused_at_once() -> None:
    with pytest.raises(ApsiError, match=r"preference\.format\.order=x1 x2"):
        Source(**{**DEFAULT, "order": "x1 x2"})  # type: ignore[arg-type]
