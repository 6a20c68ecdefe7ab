"""FCDB's votes: as many as were counted, by voters that are no persons."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apsi.errors import ApsiError
from apsi.photo.hash import file_hash
from apsi.preference.agreement import agreement
from apsi.preference.folder import PreferenceFolder
from apsi.preference.format.base import add
from apsi.preference.format.fcdb import FcdbVotes
from apsi.preference.format.names import Names


def photo(url: str, *votes: tuple[int, int]) -> dict[str, Any]:
    """A photo of 1000 x 500 pixels with a pair for each of the votes; its crops have all four sizes."""
    boxes = [[0, 0, round(1000 * side), round(500 * side)] for side in (0.5, 0.6, 0.7, 0.8)]
    boxes += [[10 * k, 5, 500, 250] for k in range(1, 9)]
    crops = [
        {"crop_0": boxes[k], "crop_1": boxes[k + 1], "vote_for_0": first, "vote_for_1": second}
        for k, (first, second) in enumerate(votes)
    ]
    return {"url": f"https://example.org/{url}", "crops": crops}


def ranking(tmp_path: Path, *photos: Any) -> Path:
    file = tmp_path / "ranking_annotation.json"
    file.write_text(json.dumps(photos))
    return file


def test_votes_are_kept_and_agree_as_often_as_they_do(names: Names, tmp_path: Path) -> None:
    votes = ((5, 0), (4, 1), (3, 2), (2, 3))
    file = ranking(tmp_path, photo("x/a.png", *votes), photo("away.jpg", *votes))
    read = FcdbVotes().read(file, names)
    assert len(read.pairs) == 8 and len(read.answers) == 40 and "no persons" in read.notes[0]
    left = Counter(given.pair for given in read.answers if given.answer == "left")
    assert [left[pair.id] for pair in read.pairs] == [5, 4, 3, 2] * 2
    assert read.pairs[0].left.recipe == ("crop(0.000,0.000,0.500,0.500)",), "crop_0 stands left"
    folder = PreferenceFolder(tmp_path / "preferences")
    add(folder, read)
    found = agreement(folder.comparisons())
    # of the ten pairs of five voters agree 10, 6, 4 and 4
    assert found.mean == pytest.approx((10 + 6 + 4 + 4) / 40)
    assert [person.name for person in found.people] == [f"fcdb-{k}" for k in range(1, 6)]


def test_photos_that_are_there_are_known_by_their_content(names: Names, photos: Path, tmp_path: Path) -> None:
    read = FcdbVotes().read(
        ranking(tmp_path, photo("x/a.png", *[(5, 0)] * 4), photo("b%20c.jpg", *[(0, 5)] * 4)), names
    )
    assert {pair.left.photo for pair in read.pairs} == {file_hash(photos / "a.png"), "name:b c.jpg"}


def test_who_voted_how_is_drawn_so_that_no_voter_stands_out(names: Names, tmp_path: Path) -> None:
    many = [photo(f"{k}.jpg", *[(4, 1)] * 4) for k in range(60)]
    read = FcdbVotes().read(ranking(tmp_path, *many), names)
    left = Counter(given.annotator for given in read.answers if given.answer == "left")
    assert sum(left.values()) == 960 and all(160 < count < 224 for count in left.values())
    again = FcdbVotes().read(ranking(tmp_path, *many), names)
    assert [replace(one, time="") for one in again.answers] == [replace(one, time="") for one in read.answers]


def test_importing_again_adds_nothing(names: Names, tmp_path: Path) -> None:
    folder = PreferenceFolder(tmp_path / "preferences")
    file = ranking(tmp_path, photo("a.jpg", *[(3, 2)] * 4))
    assert add(folder, FcdbVotes().read(file, names)).answers == 20
    added = add(folder, FcdbVotes().read(file, names))
    assert (added.pairs, added.answers, added.known) == (0, 0, 20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be a list of photos"),
        ([photo("a.jpg", (1, 200), *[(5, 0)] * 3)], "a.jpg: 201 votes for one pair"),
        ([photo("a.jpg", (5, 0))], "are not .* of a photo's: its size does not follow"),
        ([photo("", *[(5, 0)] * 4)], "is no photo|is no name"),
        ([photo("x/..", *[(5, 0)] * 4)], "'..' is no name"),
    ],
)
def test_what_is_wrong_is_named(content: list[Any], message: str, names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=message):
        FcdbVotes().read(ranking(tmp_path, *content), names)


def test_a_file_that_is_not_there_is_named_as_the_task_has_it(names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"task.file=.*away is no file"):
        FcdbVotes().read(tmp_path / "away", names)


def test_it_is_only_read(outgoing: Any, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match="preference/format=fcdb is only read"):
        FcdbVotes().write(outgoing, tmp_path)
