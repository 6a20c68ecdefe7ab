"""The step that deals photos out to train, val and test."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from apsi.errors import ApsiError
from apsi.photo.coco import ImageRecord
from apsi.preprocess.base import Context
from apsi.preprocess.split import Split

SPLIT = Split(0.7, 0.15, 0.15)


def deal(context: Context, originals: Sequence[str], split: Split = SPLIT) -> dict[str, str]:
    """The split of each file, given the content of each."""
    records = [ImageRecord(f"{i}.png", 32, 32, f"{i}.jpg", original) for i, original in enumerate(originals)]
    return {record.file_name: record.split for record in split.run(replace(context, records=tuple(records))).records}


def names(count: int) -> list[str]:
    return [f"photo {i}" for i in range(count)]


@pytest.mark.parametrize(
    ("photos", "train", "val", "test"),
    [(1, 1, 0, 0), (2, 2, 0, 0), (3, 1, 1, 1), (4, 2, 1, 1), (7, 5, 1, 1), (20, 14, 3, 3), (100, 70, 15, 15)],
)
def test_the_ratios_are_kept_and_from_three_photos_up_no_split_is_empty(
    context: Context, photos: int, train: int, val: int, test: int
) -> None:
    counts = Counter(deal(context, names(photos)).values())
    assert [counts[split] for split in ("train", "val", "test")] == [train, val, test]


def test_a_split_of_ratio_zero_stays_empty(context: Context) -> None:
    assert Counter(deal(context, names(10), Split(0.8, 0.2, 0)).values()) == {"train": 8, "val": 2}


def test_copies_of_one_photo_stay_together(context: Context) -> None:
    dealt = deal(context, [f"photo {i % 10}" for i in range(30)])
    assert all(dealt[f"{i}.png"] == dealt[f"{i + 10}.png"] == dealt[f"{i + 20}.png"] for i in range(10))


def test_the_order_of_the_files_does_not_matter(context: Context) -> None:
    originals = names(20)
    forwards, backwards = deal(context, originals), deal(context, originals[::-1])
    assert list(forwards.values()) == list(backwards.values())[::-1]


def test_the_seed_decides_who_is_where(context: Context) -> None:
    dealt = [deal(replace(context, seed=seed), names(20)) for seed in (0, 0, 1)]
    assert dealt[0] == dealt[1] != dealt[2]


@pytest.mark.parametrize("ratios", [(0.7, 0.2, 0.2), (0.5, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_ratios_that_do_not_add_up_are_an_error(ratios: tuple[float, float, float]) -> None:
    with pytest.raises(ApsiError, match="they must add up to 1"):
        Split(*ratios)


FOLDS = (2, 3, 4, 8)


def folded(folds: int, fold: int) -> Split:
    return replace(SPLIT, folds=folds, fold=fold)


@pytest.mark.parametrize("folds", FOLDS)
def test_over_all_folds_every_photo_is_tested_with_exactly_once(context: Context, folds: int) -> None:
    tests = Counter[str]()
    sizes = []
    for fold in range(1, folds + 1):
        dealt = deal(context, names(11), folded(folds, fold))
        counts = Counter(dealt.values())
        assert counts["val"] == 2 and counts["train"] > 0
        tests.update(file for file, split in dealt.items() if split == "test")
        sizes.append(counts["test"])
    assert set(tests.values()) == {1} and len(tests) == 11
    assert max(sizes) - min(sizes) <= 1


def test_folds_validate_with_different_photos(context: Context) -> None:
    validated = Counter[str]()
    for fold in range(1, 5):
        validated.update(file for file, s in deal(context, names(8), folded(4, fold)).items() if s == "val")
    assert len(validated) == 4


def test_copies_stay_in_their_fold(context: Context) -> None:
    for fold in range(1, 4):
        dealt = deal(context, [f"photo {i % 10}" for i in range(30)], folded(3, fold))
        assert all(dealt[f"{i}.png"] == dealt[f"{i + 10}.png"] == dealt[f"{i + 20}.png"] for i in range(10))


def test_the_seed_decides_who_is_in_which_fold(context: Context) -> None:
    dealt = [deal(replace(context, seed=seed), names(20), folded(4, 1)) for seed in (0, 0, 1)]
    assert dealt[0] == dealt[1] != dealt[2]


def test_without_folds_prepared_photos_keep_their_place(context: Context) -> None:
    records = tuple(ImageRecord(f"{i}.png", 32, 32, f"{i}.jpg", f"{i}") for i in range(5))
    splits = (SPLIT, folded(4, 1), folded(4, 2), folded(5, 1))
    keys = [split.run(replace(context, records=records)).key for split in splits]
    assert repr(SPLIT) == "Split(train=0.7, val=0.15, test=0.15, near_duplicates=True)"
    assert len(set(keys)) == 4


@pytest.mark.parametrize(("folds", "fold"), [(1, 1), (0, None), (None, 2), (4, None), (4, 0), (4, 5)])
def test_folds_that_there_are_not_are_an_error(folds: int | None, fold: int | None) -> None:
    with pytest.raises(ApsiError, match=r"preprocess\.steps\.split\.folds?="):
        Split(0.7, 0.15, 0.15, folds=folds, fold=fold)


def test_more_folds_than_photos_that_differ_are_an_error(context: Context) -> None:
    with pytest.raises(ApsiError, match=r"split\.folds=4 of 3 photos that differ"):
        deal(context, ["a", "b", "c", "a", "b"], folded(4, 1))


@pytest.mark.parametrize(("photos", "shared"), [(1, True), (2, True), (3, False)])
def test_photos_that_are_too_few_to_split_can_be_in_every_split(context: Context, photos: int, shared: bool) -> None:
    records = tuple(ImageRecord(f"{i}.png", 32, 32, f"{i}.jpg", f"photo {i}") for i in range(photos))
    found = replace(SPLIT, share_few=True, near_duplicates=False).run(
        replace(context, records=records, images=tuple(Path(r.file_name) for r in records))
    )
    assert [image.name for image in found.images] == [record.file_name for record in found.records]
    counts = Counter(record.split for record in found.records)
    assert counts == dict.fromkeys(("train", "val", "test"), photos if shared else 1)
    plain = replace(SPLIT, near_duplicates=False).run(replace(context, records=records, images=found.images))
    assert (found.key == plain.key) is not shared, "where it changes nothing, prepared photos keep their place"
