"""Folders of several people become one."""

from dataclasses import replace
from pathlib import Path

import pytest

from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.format.base import add
from apsi.preference.format.folder import OtherFolder
from apsi.preference.format.names import Names
from apsi.preference.split import Splits
from tests.preference.made import answer, pair


@pytest.fixture
def own(tmp_path: Path) -> PreferenceFolder:
    return PreferenceFolder(tmp_path / "own")


@pytest.fixture
def other(tmp_path: Path) -> PreferenceFolder:
    return PreferenceFolder(tmp_path / "other")


def merge(own: PreferenceFolder, other: PreferenceFolder, names: Names) -> object:
    read = OtherFolder().read(other.path, replace(names, splits=Splits.of(own.pairs(), 0, (0.7, 0.15, 0.15))))
    added = add(own, read)
    return added.pairs, added.answers, added.known


def test_two_people_merge_and_what_one_took_back_stays_so(
    own: PreferenceFolder, other: PreferenceFolder, names: Names
) -> None:
    own.add_pairs([pair(1), pair(2)])
    own.add_answers([answer(pair(1), "left", "Ann")])
    other.add_pairs([pair(2), pair(3)])
    first = answer(pair(2), "left", "Bob")
    other.add_answers([first, answer(pair(2), "right", "Bob", undoes=first.id), answer(pair(3), "tie", "Ann")])
    assert merge(own, other, names) == (1, 3, 0)
    assert {(one.answer.annotator, one.answer.pair, one.answer.answer) for one in own.comparisons()} == {
        ("Ann", pair(1).id, "left"),
        ("Bob", pair(2).id, "right"),
        ("Ann", pair(3).id, "tie"),
    }
    assert merge(own, other, names) == (0, 0, 3)


def test_a_photo_stays_in_the_split_that_it_has_here(
    own: PreferenceFolder, other: PreferenceFolder, names: Names
) -> None:
    own.add_pairs([pair(1, split="test")])
    other.add_pairs([pair(1, 0.5, 0.7, "train"), pair(2, 0.5, 0.7, "val")])
    merge(own, other, names)
    assert [one.split for one in own.pairs().values()] == ["test", "test", "val"]


def test_answers_to_pairs_that_are_nowhere_are_left_out(
    own: PreferenceFolder, other: PreferenceFolder, names: Names
) -> None:
    other.add_pairs([pair(1)])
    other.add_answers([answer(pair(1)), answer(pair(2))])
    assert "1 answers are left out" in OtherFolder().read(other.path, names).notes[0]
    assert merge(own, other, names) == (1, 1, 0)


def test_lines_that_were_cut_off_are_left_out(own: PreferenceFolder, other: PreferenceFolder, names: Names) -> None:
    other.add_pairs([pair(1)])
    other.add_answers([answer(pair(1)), answer(pair(1), "tie")])
    file = other.answers_file("Ann")
    file.write_bytes(file.read_bytes()[:-20])
    assert merge(own, other, names) == (1, 1, 0)


def test_what_is_no_folder_of_pairs_is_refused(names: Names, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"is no folder with pairs\.jsonl"):
        OtherFolder().read(tmp_path, names)
