"""Pairs are found without being held in memory."""

import json
import logging
from pathlib import Path

import pytest

from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.index import PairIndex
from apsi.preference.pair import Pair, Version


def pair(number: int, split: str = "train") -> Pair:
    photo = f"{number:064x}"
    return Pair(Version(photo, f"{number}.jpg"), Version(photo, f"{number}.jpg", ("warmth",)), split, "agent")


def test_a_pair_is_read_from_where_it_stands(tmp_path: Path) -> None:
    folder = PreferenceFolder(tmp_path)
    pairs = folder.add_pairs([pair(number, ("train", "val", "test")[number % 3]) for number in range(9)])
    index = folder.require_index()
    assert list(index.ids()) == [one.id for one in pairs] == list(folder.pairs())
    assert index.ids("val") == [one.id for one in pairs if one.split == "val"]
    assert len(index) == 9 and pairs[0].id in index and "0" * 12 not in index
    assert [index.pair(one.id) for one in pairs] == pairs


def test_foreign_lines_are_told_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = PreferenceFolder(tmp_path)
    good = folder.add_pairs([pair(1), pair(2)])
    hand_made = {key: value for key, value in pair(3).as_dict().items() if key != "pair"}
    foreign = ["not JSON", "[]", '"text"', "{}", '{"pair": "../../etc"}', '{"pair": 5, "left": {}}', "[" * 100_000]
    bad_split = json.dumps(pair(4).as_dict() | {"split": "mine"})
    with folder.pairs_file.open("a") as file:
        file.write("\n".join([*foreign, bad_split, json.dumps(hand_made), good[0].id, '{"pair": "cut o']))
    with caplog.at_level(logging.WARNING):
        index = PairIndex(folder.pairs_file)
    assert list(index.ids()) == [good[0].id, good[1].id, pair(3).id]
    assert index.pair(pair(3).id) == pair(3)
    assert "left out" in caplog.text


def test_a_line_that_lies_about_its_id_and_one_that_was_changed_are_seen_when_read(tmp_path: Path) -> None:
    folder = PreferenceFolder(tmp_path)
    (good,) = folder.add_pairs([pair(1)])
    with folder.pairs_file.open("a") as file:
        file.write(json.dumps(pair(2).as_dict() | {"pair": "0" * 12}) + "\n")
    index = folder.require_index()
    with pytest.raises(ApsiError, match="is not that of its versions"):
        index.pair("0" * 12)
    folder.pairs_file.write_text("x" * 50)
    with pytest.raises(ApsiError, match="was changed"):
        index.pair(good.id)
    folder.pairs_file.unlink()
    with pytest.raises(ApsiError, match="can't be read"):
        index._read(good.id)


def test_without_pairs_it_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"there are no pairs in preference_dir=.*task=make_pairs"):
        PreferenceFolder(tmp_path).require_index()
