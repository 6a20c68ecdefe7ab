"""The folder: nothing twice, undone is undone, a person can be forgotten, a moved photo still fits."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.preference.answer import Answer
from apsi.preference.folder import PreferenceFolder, standing
from apsi.preference.lines import append_lines
from apsi.preference.pair import Pair
from tests.preference.made import answer, pair


@pytest.fixture
def folder(tmp_path: Path) -> PreferenceFolder:
    return PreferenceFolder(tmp_path / "preferences")


def test_a_pair_is_added_once_in_its_order(folder: PreferenceFolder) -> None:
    one, other = pair(1), pair(2)
    swapped = Pair(one.right, one.left, "train", "again")
    assert folder.add_pairs([other, one, one]) == [other, one]
    assert folder.add_pairs([swapped]) == []
    append_lines(folder.pairs_file, [swapped.as_dict(), other.as_dict()])
    assert list(folder.pairs().values()) == [other, one]
    assert folder.pairs()[one.id].source == "anchors"


def test_its_id_is_the_same_whichever_way_it_is_reached_and_that_of_no_other(folder: PreferenceFolder) -> None:
    folder.path.mkdir()
    (folder.path.parent / "link").symlink_to(folder.path)
    assert PreferenceFolder(folder.path.parent / "link").id == folder.id
    assert PreferenceFolder(folder.path.parent / "other").id != folder.id


def test_without_pairs_it_is_told_what_to_do(folder: PreferenceFolder) -> None:
    with pytest.raises(ApsiError, match="make some with task=make_pairs"):
        folder.require_pairs()


def test_answers_are_held_against_the_sides_that_stood(folder: PreferenceFolder) -> None:
    one = pair()
    folder.add_pairs([one])
    folder.add_answers([answer(one, "left"), answer(one, "left", left=one.right.key, is_repeat=True)])
    first, repeated = folder.comparisons()
    assert first.preferred == one.left and repeated.preferred == one.right == repeated.left
    assert [c.split for c in (first, repeated)] == ["train", "train"]


def test_tie_and_skip_prefer_none_and_are_there(folder: PreferenceFolder) -> None:
    folder.add_pairs([pair(1), pair(2)])
    folder.add_answers([answer(pair(1), "tie"), answer(pair(2), "skip")])
    assert [(c.answer.answer, c.preferred) for c in folder.comparisons()] == [("tie", None), ("skip", None)]


def test_what_is_undone_or_replaced_counts_no_more(folder: PreferenceFolder) -> None:
    first = answer(pair(), "left")
    replaced = answer(pair(), "right", undoes=first.id)
    assert standing([first, replaced]) == [replaced]
    assert standing([first, replaced, answer(pair(), None, undoes=replaced.id)]) == []
    other = answer(pair(), "tie", annotator="Bob", undoes=first.id)
    assert standing([first, other]) == [first, other], "nobody undoes what another said"


def test_lines_that_were_written_twice_count_once(folder: PreferenceFolder) -> None:
    one = answer(pair())
    folder.add_pairs([pair()])
    folder.add_answers([one, one])
    folder.add_answers([one])
    assert len(folder.comparisons()) == 1


def test_several_people_have_files_of_their_own(folder: PreferenceFolder) -> None:
    folder.add_pairs([pair()])
    names = ["Ann", "ann", "../../etc", "李", "a" * 60]
    folder.add_answers([answer(pair(), annotator=name) for name in names])
    assert folder.annotators() == sorted(names)
    files = {folder.answers_file(name) for name in names}
    assert len(files) == len(names) and {file.parent for file in files} == {folder.path / "answers"}
    assert [c.answer.annotator for c in folder.comparisons(["ann"])] == ["ann"]
    with pytest.raises(ApsiError, match="Did you mean 'Ann'"):
        folder.comparisons(["Anne"])


def test_a_person_is_forgotten_whole_and_alone(folder: PreferenceFolder) -> None:
    folder.add_pairs([pair()])
    folder.add_answers([answer(pair()), answer(pair(), annotator="Bob"), answer(pair(), "tie")])
    assert folder.forget("Ann") == 2
    assert folder.annotators() == ["Bob"]
    assert "Ann" not in "".join(file.read_text() for file in folder.path.rglob("*") if file.is_file())
    with pytest.raises(ApsiError, match="nobody of this name"):
        folder.forget("Ann")


def test_answers_to_pairs_that_are_not_there_are_left_out(folder: PreferenceFolder) -> None:
    folder.add_pairs([pair(1)])
    folder.add_answers([answer(pair(2)), answer(pair(1), left="0" * 12), answer(pair(1))])
    assert len(folder.comparisons()) == 1


def test_foreign_lines_are_left_out(folder: PreferenceFolder, caplog: pytest.LogCaptureFixture) -> None:
    folder.add_pairs([pair(1)])
    evil = pair(2).as_dict()
    evil["left"]["name"] = "../../etc/passwd"
    append_lines(folder.pairs_file, [evil, {"x": 1}])
    assert list(folder.pairs()) == [pair(1).id]
    assert "line 2" in caplog.text and "line 3" in caplog.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000))
def test_a_log_that_was_cut_off_anywhere_holds_all_whole_lines(cut: int, tmp_path: Path) -> None:
    folder = PreferenceFolder(tmp_path / str(cut))
    folder.add_pairs([pair(i) for i in range(5)])
    for i in range(5):
        folder.add_answers([answer(pair(i))])
    file = folder.answers_file("Ann")
    data = file.read_bytes()
    os.truncate(file, cut % (len(data) + 1))
    rest = file.read_bytes()
    whole = rest.count(b"\n") + (rest.rpartition(b"\n")[2] != b"" and rest + b"\n" == data[: len(rest) + 1])
    assert len(folder.answers()) == whole
    folder.add_answers([answer(pair(0), "tie")])
    assert len(folder.answers()) == whole + 1
    assert [Answer.from_dict(json.loads(line)) for line in rest.splitlines()[: int(whole)]] == folder.answers()[:-1]
