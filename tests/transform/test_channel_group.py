"""The composition rules of the reversible transforms, held against what they do to pixels."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo import Photo
from apsi.photo.hash import pixel_hash
from apsi.transform.base import STOP_LABEL
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.channel_group import Element, compose, word_lengths
from apsi.transform.recipe import Recipe
from apsi.transform.reduction import shortest_length

LABELS = [
    *("swap_rg", "swap_rb", "swap_gb", "invert_r", "invert_g", "invert_b"),
    *(f"shift_{way}_{channel}" for way in ("left", "right", "up", "down") for channel in ("r", "g", "b", "all")),
]
PHOTO: Photo = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
"""of even size, where two equal shifts undo each other"""

recipes = st.lists(st.sampled_from(LABELS), max_size=7)


def element_of(label: str) -> Element:
    element = by_label(label).element
    assert element is not None
    return element


def element_of_all(labels: list[str]) -> Element:
    return compose(element_of(label) for label in labels)


def apply(element: Element, photo: Photo) -> Photo:
    """What an element says it does, channel by channel."""
    height, width = photo.shape[:2]
    channels = []
    for channel in range(3):
        shift = (element.down[channel] * height // 2, element.across[channel] * width // 2)
        plane = np.roll(photo[..., element.source[channel]], shift, axis=(0, 1))
        channels.append(255 - plane if element.inverted[channel] else plane)
    return np.stack(channels, axis=2)


GROUP = word_lengths(frozenset(element_of(label) for label in LABELS))


@settings(deadline=None)
@given(recipes)
def test_a_composition_does_to_pixels_what_its_recipe_does(labels: list[str]) -> None:
    assert np.array_equal(apply(element_of_all(labels), PHOTO), Recipe.of(labels)(PHOTO))


def test_different_elements_give_different_pixels() -> None:
    """Together with the test above: recipes have equal elements exactly where they give equal pixels."""
    assert len({pixel_hash(apply(element, PHOTO)) for element in GROUP}) == len(GROUP)


@settings(deadline=None)
@given(recipes, recipes)
def test_recipes_have_equal_elements_exactly_where_they_give_equal_pixels(a: list[str], b: list[str]) -> None:
    equal_pixels = np.array_equal(Recipe.of(a)(PHOTO), Recipe.of(b)(PHOTO))
    assert (element_of_all(a) == element_of_all(b)) == equal_pixels


def test_the_group_has_3072_elements() -> None:
    """3! orders of the channels, and for each channel inverted or not, shifted across or not, down or not."""
    assert len(GROUP) == 6 * 2**3 * 2**3 * 2**3


@settings(deadline=None)
@given(recipes, recipes, recipes)
def test_composition_is_associative(a: list[str], b: list[str], c: list[str]) -> None:
    first, second, third = element_of_all(a), element_of_all(b), element_of_all(c)
    assert first.then(second).then(third) == first.then(second.then(third))


@pytest.mark.parametrize("label", LABELS)
def test_a_transform_composed_with_its_inverse_is_nothing(label: str) -> None:
    inverse = by_label(label).inverse
    assert inverse is not None
    assert element_of(label) != Element()
    assert compose([element_of(label), element_of(inverse.label)]) == Element()


@pytest.mark.parametrize(
    ("labels", "length"),
    [
        ([], 0),
        (["stop"], 0),
        (["swap_rg", "swap_rg"], 0),
        (["swap_rg", "swap_gb"], 2),
        (["swap_rg", "swap_gb", "swap_rg"], 1),
        (["swap_rg", "swap_rb", "swap_gb"], 1),
        (["swap_rg", "swap_gb", "swap_rg", "swap_gb"], 2),
        (["swap_rg", "swap_gb"] * 3, 0),
        (["invert_r", "invert_g", "invert_b"], 3),
        (["invert_r", "invert_g", "invert_r"], 1),
        (["invert_r", "swap_rg", "invert_g"], 1),
        (["shift_left_r", "shift_right_r"], 0),
        (["shift_left_r", "shift_left_r"], 0),
        (["shift_up_g", "shift_down_g"], 0),
        (["shift_left_r", "shift_down_r"], 2),
        (["shift_left_r", "shift_left_g", "shift_left_b"], 1),
        (["shift_left_r", "shift_left_g"], 2),
        (["shift_left_all", "shift_left_r", "shift_left_g"], 1),
        (["shift_left_r", "invert_r", "shift_right_r"], 1),
    ],
)
def test_a_recipe_reduces_to_the_shortest_equal_one(labels: list[str], length: int) -> None:
    recipe = Recipe.of(labels)
    assert shortest_length(recipe) == length
    assert recipe.reduces == (length < len(labels))


def test_two_different_swaps_are_always_a_rotation_and_three_always_one_swap() -> None:
    swaps = LABELS[:3]
    assert {shortest_length(Recipe.of(pair)) for pair in product(swaps, repeat=2) if len(set(pair)) == 2} == {2}
    assert {shortest_length(Recipe.of(three)) for three in product(swaps, repeat=3)} == {1}


def test_inversions_add_by_exclusive_or() -> None:
    for labels in product(LABELS[3:6], repeat=4):
        left_over = sum(labels.count(label) % 2 for label in LABELS[3:6])
        assert shortest_length(Recipe.of(labels)) == left_over


def test_the_shortest_length_is_what_trying_every_recipe_of_up_to_three_transforms_finds() -> None:
    shortest = {pixel_hash(PHOTO): 0}
    frontier: list[tuple[list[str], Photo]] = [([], PHOTO)]
    checked = 0
    for length in (1, 2, 3):
        longer = []
        for labels, photo in frontier:
            for label in LABELS:
                result = by_label(label)(photo)
                found = shortest.setdefault(pixel_hash(result), length)
                checked += 1
                assert shortest_length(Recipe.of([*labels, label])) == found
                if found == length:
                    longer.append(([*labels, label], result))
        frontier = longer
    assert checked > 5_000


@settings(deadline=None)
@given(recipes, recipes)
def test_no_recipe_is_shorter_than_its_shortest_length_nor_two_than_theirs_together(a: list[str], b: list[str]) -> None:
    first, second = shortest_length(Recipe.of(a)), shortest_length(Recipe.of(b))
    assert first <= len(a)
    assert abs(first - second) <= shortest_length(Recipe.of(a + b)) <= first + second


@pytest.mark.parametrize(
    ("labels", "length"),
    [
        (["invert_rg"], 1),
        (["invert_all"], 1),
        (["invert_rg", "invert_g"], 1),  # invert_r
        (["invert_rg", "invert_gb"], 1),  # invert_rb
        (["invert_rg", "invert_gb", "invert_rb"], 0),
        (["invert_rg", "invert_b", "invert_all"], 0),
        (["invert_all", "invert_rg"], 1),  # invert_b
        (["invert_all", "invert_r"], 1),  # invert_gb
        (["invert_rg", "swap_rg"], 2),
        (["swap_rg", "invert_rg", "swap_rg"], 1),
        (["invert_r", "invert_g"], 2),  # though invert_rg exists: an agent with the 14 does not have it
        (["invert_r", "invert_g", "invert_b"], 3),
        (["invert_rg", "invert_r", "shift_left_b"], 2),
    ],
)
def test_an_inversion_of_several_channels_is_one_step_only_where_one_is_used(labels: list[str], length: int) -> None:
    recipe = Recipe.of(labels)
    assert shortest_length(recipe) == length
    assert recipe.reduces == (length < len(labels))


@pytest.mark.parametrize("label", sorted(set(catalogue()) - {STOP_LABEL}))
def test_a_recipe_of_one_transform_never_reduces(label: str) -> None:
    assert not Recipe.of([label]).reduces


def test_the_pairs_of_the_14_that_reduce_are_those_of_before_the_further_transforms_came() -> None:
    """Which pairs may be drawn as degradations must not change when the catalogue grows."""
    fourteen = [label for label in LABELS if not label.startswith(("shift_right", "shift_up"))]
    reducing = {pair for pair in product(fourteen, repeat=2) if Recipe.of(pair).reduces}
    assert reducing == {
        *((label, label) for label in fourteen),
    }
