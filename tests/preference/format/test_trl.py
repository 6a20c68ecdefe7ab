"""What TRL gets are its own columns; what apsi wrote it reads again."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.preference.format.base import Outgoing
from apsi.preference.format.names import Names
from apsi.preference.format.trl import Trl
from apsi.preference.photos import Originals
from tests.preference.format.made import known, standing_in

WITHOUT = Trl(pictures=False, size=64)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_columns_are_those_of_trl_and_images_stand_left_and_right(outgoing: Outgoing, tmp_path: Path) -> None:
    done = Trl(pictures=True, size=64).write(outgoing, tmp_path)
    first, second, *_ = lines(tmp_path / "preferences.jsonl")
    assert done.written == 4 and "4 ties and skips are left out" in done.notes[1]
    (user,) = first["prompt"]
    assert user["role"] == "user" and [part["type"] for part in user["content"]] == ["image", "image", "text"]
    texts = [[entry[side][0]["content"][0]["text"] for side in ("chosen", "rejected")] for entry in (first, second)]
    assert texts == [["The first one.", "The second one."], ["The second one.", "The first one."]]
    assert first["chosen"][0]["role"] == "assistant"
    left, right = (Image.open(tmp_path / name) for name in first["images"])
    assert left.size == (64, 64) and right.size == (64, 51), "80 x 80 of 100 x 80 pixels, and all of them"


def test_what_is_decided_comes_back(outgoing: Outgoing, names: Names, tmp_path: Path) -> None:
    WITHOUT.write(outgoing, tmp_path)
    assert "images" not in lines(tmp_path / "preferences.jsonl")[0]
    assert (
        "The first: a.png, crop(0.100,0.000,0.900,1.000) then exposure_up. The second: a.png, as it is."
        in (lines(tmp_path / "preferences.jsonl")[0]["prompt"][0]["content"][0]["text"])
    )
    read = WITHOUT.read(tmp_path / "preferences.jsonl", names)
    decided = [one for one in outgoing.comparisons if one.preferred]
    assert known(standing_in(read)) == known(decided) and len(decided) == 4


def test_photos_that_are_gone_are_left_out_and_none_is_an_error(
    outgoing: Outgoing, photos: Path, tmp_path: Path
) -> None:
    (photos / "a.png").unlink()
    fresh = Outgoing(outgoing.pairs, outgoing.comparisons, Originals(Folder(str(photos), {}, []), tmp_path / "d"))
    done = Trl(pictures=True, size=64).write(fresh, tmp_path)
    assert done.written == 2 and "2 answers are left out" in done.notes[2]
    (photos / "sub" / "b.png").unlink()
    fresh = Outgoing(outgoing.pairs, outgoing.comparisons, Originals(Folder(str(photos), {}, []), tmp_path / "d"))
    with pytest.raises(ApsiError, match=r"preference\.format\.pictures=false"):
        Trl(pictures=True, size=64).write(fresh, tmp_path / "other")


def test_without_a_decided_answer_there_is_nothing(outgoing: Outgoing, tmp_path: Path) -> None:
    ties = [one for one in outgoing.comparisons if not one.preferred]
    with pytest.raises(ApsiError, match="no answer of left or right"):
        WITHOUT.write(Outgoing(outgoing.pairs, ties, outgoing.originals), tmp_path)


def broken(entry: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return entry | {"apsi": entry["apsi"] | changed}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: json.dumps(one)[:-20], "line 2 is not whole JSON"),
        (lambda one: "[" * 99_999, "line 2 is nested too deeply"),
        (lambda one: "3", "line 2: 3 is no object"),
        (lambda one: json.dumps({"prompt": "", "chosen": "a", "rejected": "b"}), "line 2: there is no object apsi"),
        (lambda one: json.dumps(one | {"chosen": one["rejected"]}), "line 2: chosen and rejected are the same"),
        (lambda one: json.dumps(one | {"chosen": "x"}), "line 2: chosen='x' is none"),
        (lambda one: json.dumps(broken(one, id="x")), "line 2: 'x' is no id"),
        (lambda one: json.dumps(broken(one, annotator=None)), "line 2: annotator=None must be a text"),
        (lambda one: json.dumps(broken(one, annotator="a\nb")), "line 2: annotator="),
        (lambda one: json.dumps(broken(one, milliseconds="5")), "line 2: milliseconds=5 must be"),
        (lambda one: json.dumps(broken(one, is_repeat="no")), "line 2: is_repeat='no' must be"),
        (lambda one: json.dumps(broken(one, split="all")), "line 2: split='all'"),
        (lambda one: json.dumps(broken(one, left=3)), "line 2: a version needs photo and name"),
        (lambda one: json.dumps(broken(one, left=one["apsi"]["left"] | {"name": "../x"})), r"line 2: '\.\./x' is no"),
        (lambda one: json.dumps(broken(one, left=one["apsi"]["left"] | {"recipe": ["x"] * 201})), "201 steps"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    change: Any, message: str, outgoing: Outgoing, names: Names, tmp_path: Path
) -> None:
    WITHOUT.write(outgoing, tmp_path)
    file = tmp_path / "preferences.jsonl"
    first, second, *_ = file.read_text().splitlines()
    file.write_text(f"{first}\n{change(json.loads(second))}\n")
    with pytest.raises(ApsiError, match=message):
        WITHOUT.read(file, names)
