"""Pairs: the same whichever side stands where, whatever files are called; what others wrote is checked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.preference.pair import Pair, Version
from tests.preference.made import pair, version

HASH = "ab" * 32


def test_a_pair_is_the_same_with_its_sides_exchanged() -> None:
    one = pair()
    assert Pair(one.right, one.left, "train", "other").id == one.id
    assert one.side_of(one.left.key) == "left" and one.side_of(one.right.key) == "right"
    assert one.side_of(pair(1).left.key) is None


def test_a_version_is_told_by_what_its_file_holds_and_what_was_done_not_by_the_files_name() -> None:
    assert Version(HASH, "a.jpg", ("warmth",)).key == Version(HASH, "moved/b.jpg", ("warmth",)).key
    assert Version(HASH, "a.jpg", ("warmth",)).key != Version(HASH, "a.jpg").key
    assert Version(HASH, "a.jpg").key != Version("cd" * 32, "a.jpg").key


def test_what_is_written_is_read_back() -> None:
    one = pair()
    again = Pair.from_dict(json.loads(json.dumps(one.as_dict())))
    assert again == one and again.made == one.made and again.id == one.id


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "a/../../b", "", "a\0b", "..\\a"])
def test_a_name_that_leads_out_of_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ApsiError, match="no name of a photo's file"):
        Version(HASH, name)


@pytest.mark.parametrize("photo", ["", "abc", "AB" * 32, "../" * 20, "name:"])
def test_what_is_no_hash_is_refused(photo: str) -> None:
    with pytest.raises(ApsiError, match="is no photo"):
        Version(photo, "a.jpg")


def test_a_version_against_itself_is_no_pair() -> None:
    with pytest.raises(ApsiError, match="with itself"):
        Pair(version(), version(), "train", "x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pair": "0" * 12}, "is not that of its versions"),
        ({"split": "all"}, "must be one of train, val, test"),
        ({"left": 3}, "a version needs photo and name"),
        ({"left": {"photo": HASH, "name": "a.jpg", "recipe": "crop"}}, "must be a list of labels"),
        ({"left": {"photo": HASH, "name": "a.jpg", "recipe": ["x"] * 201}}, "at most 200"),
    ],
)
def test_what_others_wrote_is_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ApsiError, match=said):
        Pair.from_dict(pair().as_dict() | change)


@pytest.mark.slow
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5))
def test_anything_else_is_refused_in_one_sentence(data: Any) -> None:
    with pytest.raises(ApsiError):
        Pair.from_dict(data)
    with pytest.raises(ApsiError):
        Pair.from_dict({"left": data, "right": data, "split": "train", "source": "x"})
