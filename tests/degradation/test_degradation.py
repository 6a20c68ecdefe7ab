"""Degradations: random, repeatable, and never what fewer transforms would do."""

from collections import Counter

import numpy as np
import pytest

from apsi.degradation.base import Degradation
from apsi.degradation.multi import Multi
from apsi.degradation.none import NoDegradation
from apsi.degradation.random import Random
from apsi.degradation.sequential import Sequential
from apsi.degradation.single import Single
from apsi.errors import ApsiError

SWAPS = ["swap_rg", "swap_rb", "swap_gb"]
LABELS = [
    *SWAPS,
    *("invert_r", "invert_g", "invert_b"),
    *(f"shift_{way}_{channel}" for way in ("left", "down") for channel in ("r", "g", "b", "all")),
]
DEGRADATIONS = [
    Single(LABELS),
    Random(LABELS, n_min=1, n_max=4),
    Sequential(LABELS),
    Multi(LABELS, n=3),
    Multi(["invert_r", "swap_rg", "swap_gb"], n=2),
    NoDegradation(),
]
every_degradation = pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda d: type(d).__name__)


def draw(degradation: Degradation, count: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [degradation.sample(rng).labels for _ in range(count)]


def draw_many(degradation: Degradation, count: int, seed: int = 0) -> list[tuple[str, ...]]:
    return [tuple(recipe.labels) for recipe in degradation.sample_many(np.random.default_rng(seed), count)]


@every_degradation
def test_no_recipe_reduces_to_a_shorter_one_or_to_nothing(degradation: Degradation) -> None:
    rng = np.random.default_rng(0)
    assert not any(degradation.sample(rng).reduces for _ in range(200))
    assert not any(recipe.reduces for recipe in degradation.sample_many(rng, 50))


@every_degradation
def test_the_same_seed_gives_the_same_recipes(degradation: Degradation) -> None:
    assert draw(degradation, 30, seed=1) == draw(degradation, 30, seed=1)
    assert draw_many(degradation, 10, seed=1) == draw_many(degradation, 10, seed=1)


@pytest.mark.parametrize("degradation", DEGRADATIONS[:5], ids=lambda d: type(d).__name__)
def test_another_seed_gives_other_recipes(degradation: Degradation) -> None:
    assert len({tuple(map(tuple, draw(degradation, 30, seed))) for seed in range(3)}) > 1


@every_degradation
def test_many_recipes_are_all_different_and_never_more_than_asked_for(degradation: Degradation) -> None:
    for count in (1, 5, 14):
        recipes = draw_many(degradation, count)
        assert len(set(recipes)) == len(recipes)
        assert 1 <= len(recipes) <= count


@pytest.mark.parametrize("degradation", [Multi(LABELS, n=2), Random(LABELS, n_min=2, n_max=3)])
def test_many_recipes_are_as_many_as_asked_for_where_there_are_enough(degradation: Degradation) -> None:
    assert len(draw_many(degradation, 20)) == 20


@pytest.mark.parametrize(("degradation", "available"), [(Single(SWAPS), 3), (Multi(["invert_r", "swap_rg"], n=2), 2)])
def test_fewer_are_given_where_there_are_no_more(degradation: Degradation, available: int) -> None:
    assert len(draw_many(degradation, 10)) == available


def test_single_draws_every_label_about_equally_often() -> None:
    counts = Counter(label for (label,) in draw(Single(LABELS), 1400))
    assert set(counts) == set(LABELS)
    assert all(60 <= count <= 150 for count in counts.values())


def test_single_with_one_label_degrades_every_photo_alike() -> None:
    assert draw(Single(["invert_g"]), 5) == [["invert_g"]] * 5


@pytest.mark.parametrize("n", range(1, 7))
def test_multi_has_exactly_n_transforms(n: int) -> None:
    assert {len(labels) for labels in draw(Multi(LABELS, n), 40)} == {n}


@pytest.mark.parametrize(("n_min", "n_max"), [(1, 1), (1, 3), (2, 4)])
def test_random_has_every_number_of_transforms_from_n_min_to_n_max(n_min: int, n_max: int) -> None:
    lengths = Counter(len(labels) for labels in draw(Random(LABELS, n_min, n_max), 200))
    assert set(lengths) == set(range(n_min, n_max + 1))
    assert min(lengths.values()) > 30


@pytest.mark.parametrize("seed", range(5))
def test_sequential_meets_each_label_once_and_in_turn(seed: int) -> None:
    labels = [label for (label,) in draw_many(Sequential(LABELS), len(LABELS), seed)]
    start = LABELS.index(labels[0])
    assert labels == LABELS[start:] + LABELS[:start]


def test_sequential_starts_anywhere() -> None:
    assert {label for (label,) in draw(Sequential(LABELS), 400)} == set(LABELS)


def test_sequential_gives_no_label_twice_where_more_are_asked_for_than_there_are() -> None:
    assert sorted(draw_many(Sequential(SWAPS), 10)) == sorted((label,) for label in SWAPS)


def test_none_gives_the_empty_recipe_once() -> None:
    assert draw(NoDegradation(), 3) == [[], [], []]
    assert draw_many(NoDegradation(), 5) == [()]


@pytest.mark.parametrize(
    "impossible", [Multi(SWAPS, n=5), Random(SWAPS, n_min=3, n_max=3), Multi(["invert_r"], n=2), Multi(LABELS, n=30)]
)
def test_what_always_reduces_is_an_error_with_a_remedy(impossible: Degradation) -> None:
    with pytest.raises(ApsiError, match=r"does not reduce to a shorter one; lower degradation\.n"):
        draw(impossible, 1)


@pytest.mark.parametrize("labels", [[], ["swap_rg", "invert_r", "swap_rg"], ["swap_rg", "stop"]])
@pytest.mark.parametrize(
    "kind", [Single, Sequential, lambda labels: Multi(labels, 1), lambda labels: Random(labels, 1, 2)]
)
def test_labels_that_are_none_repeated_or_stop_are_an_error_before_the_first_photo(kind, labels: list[str]) -> None:
    with pytest.raises(ApsiError, match=r"degradation\.labels=.* must name one transform or more, each once, and not"):
        kind(labels)


def test_an_unknown_label_is_an_error_before_the_first_photo() -> None:
    with pytest.raises(ApsiError, match=r"unknown transform 'invertr'\. Did you mean 'invert_r'"):
        Single(["invertr"])


def test_a_number_of_transforms_below_one_is_an_error() -> None:
    with pytest.raises(ApsiError, match=r"degradation\.n=0 must be at least 1; degradation=none leaves photos"):
        Multi(LABELS, n=0)


@pytest.mark.parametrize(("n_min", "n_max"), [(0, 2), (3, 2), (-1, -1)])
def test_a_range_that_is_empty_or_starts_below_one_is_an_error(n_min: int, n_max: int) -> None:
    with pytest.raises(ApsiError, match=f"n_min={n_min} and n_max={n_max} must be 1 <= n_min <= n_max"):
        Random(LABELS, n_min, n_max)


def test_settings_are_part_of_the_name_that_keys_prepared_data() -> None:
    """`repr` decides which prepared folder is found again."""
    assert repr(Multi(SWAPS, 2)) == repr(Multi(list(SWAPS), 2))
    different = [
        Multi(SWAPS, 2),
        Multi(SWAPS, 1),
        Multi(LABELS, 2),
        Random(SWAPS, 1, 2),
        Single(SWAPS),
        Sequential(SWAPS),
    ]
    assert len({repr(degradation) for degradation in different}) == len(different)
