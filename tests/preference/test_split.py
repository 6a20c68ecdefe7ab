"""Splits by hash: the same everywhere, in the ratios asked for, and never against what is known."""

from collections import Counter

import pytest

from apsi.preference.pair import Pair
from apsi.preference.split import Splits, latest, split_of
from tests.preference.made import pair, version

RATIOS = (0.7, 0.15, 0.15)


def test_many_photos_come_near_to_the_ratios_and_stay_where_they_are() -> None:
    found = Counter(split_of(f"{i:064x}", 0, RATIOS) for i in range(4000))
    assert found["train"] == pytest.approx(2800, abs=120)
    assert found["val"] == pytest.approx(600, abs=80) and found["test"] == pytest.approx(600, abs=80)
    assert {split_of(str(i), 0, (1.0, 0.0, 0.0)) for i in range(99)} == {"train"}
    assert {split_of(str(i), 0, (0.0, 0.0, 1.0)) for i in range(99)} == {"test"}
    assert [split_of("a", seed, RATIOS) for seed in range(30)] != [split_of("b", seed, RATIOS) for seed in range(30)]


def test_a_photo_is_where_its_pairs_are() -> None:
    both = Pair(version(2), version(3), "val", "photos")
    splits = Splits.of({"a": pair(1, split="test"), "b": both, "c": pair(3, split="train")}, 0, RATIOS)
    assert splits.of_pair([version(1).photo], "train") == "test"
    assert splits.of_pair([version(2).photo]) == "val", "beside another only: the later of both"
    assert splits.of_pair([version(3).photo]) == "train"
    assert splits.of_pair([version(1).photo, version(3).photo]) == "test"


def test_what_a_file_says_of_a_photo_holds_for_all_its_pairs() -> None:
    splits = Splits.of({}, 0, RATIOS)
    assert [splits.of_pair(["x", "x"], said) for said in ("test", "train", None)] == ["test"] * 3
    assert splits.of_pair(["y", "x"], "train") == "test"
    assert splits.of_pair(["y", "z"], "train") == "train", "of two photos it says nothing of each"
    assert splits.of_pair(["y"]) == split_of("y", 0, RATIOS)
    assert latest(["val", "train", "test"]) == "test"
