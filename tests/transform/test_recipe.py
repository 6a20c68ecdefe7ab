"""Recipes: written down, read back, replayed at any size."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.transform.base import Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.recipe import FORMAT, Recipe
from apsi.transform.reduction import shortest_length

SWAPS_AND_INVERSIONS = ["swap_rg", "swap_rb", "swap_gb", "invert_r", "invert_g", "invert_b"]
SHIFTS = [f"shift_{way}_{channel}" for way in ("left", "right", "up", "down") for channel in ("r", "g", "b", "all")]


def noise(height: int, width: int) -> Photo:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def enlarge(photo: Photo) -> Photo:
    """Every pixel becomes four."""
    return photo.repeat(2, axis=0).repeat(2, axis=1)


@given(st.lists(st.sampled_from(sorted(catalogue())), max_size=12))
def test_a_recipe_is_read_back_from_json_as_it_was(labels: list[str]) -> None:
    recipe = Recipe.of(labels)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.labels == labels
    assert len(recipe) == len(labels)


def test_the_json_is_what_other_programs_may_rely_on() -> None:
    assert json.loads(Recipe.of(["swap_gb", "invert_r"]).to_json()) == {
        "format": "apsi-recipe-1",
        "transforms": ["swap_gb", "invert_r"],
    }


@pytest.mark.parametrize("text", ["", "swap_gb", '{"format": "apsi-recipe-1"', "[" * 200_000, "9" * 5_000])
def test_what_is_not_json_is_an_error(text: str) -> None:
    with pytest.raises(ApsiError, match="this recipe is not JSON"):
        Recipe.from_json(text)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        ["swap_gb"],
        {"transforms": ["swap_gb"]},
        {"format": "apsi-recipe-2", "transforms": ["swap_gb"]},
        {"format": FORMAT},
        {"format": FORMAT, "transforms": "swap_gb"},
        {"format": FORMAT, "transforms": ["swap_gb", 1]},
    ],
)
def test_json_of_another_shape_is_an_error_that_shows_the_right_one(data: object) -> None:
    with pytest.raises(ApsiError, match=f'not a recipe: expected {{"format": "{FORMAT}", "transforms": '):
        Recipe.from_json(json.dumps(data))


def test_an_unknown_transform_in_json_is_an_error_that_names_the_closest() -> None:
    with pytest.raises(ApsiError, match=r"unknown transform 'swapgb'\. Did you mean 'swap_gb'"):
        Recipe.from_json(json.dumps({"format": FORMAT, "transforms": ["invert_r", "swapgb"]}))


def test_the_transforms_are_done_in_order() -> None:
    photo = np.array([[[1, 2, 3]]], np.uint8)
    assert Recipe.of(["swap_rg", "invert_r"])(photo).tolist() == [[[253, 1, 3]]]
    assert Recipe.of(["invert_r", "swap_rg"])(photo).tolist() == [[[2, 254, 3]]]


def test_an_empty_recipe_leaves_the_photo() -> None:
    assert np.array_equal(Recipe()(noise(3, 5)), noise(3, 5))


@given(st.lists(st.sampled_from(SWAPS_AND_INVERSIONS), max_size=6), st.integers(1, 9), st.integers(1, 9))
def test_swaps_and_inversions_replay_at_twice_the_size(labels: list[str], height: int, width: int) -> None:
    recipe, photo = Recipe.of(labels), noise(height, width)
    assert np.array_equal(recipe(enlarge(photo)), enlarge(recipe(photo)))


@given(
    st.lists(st.sampled_from(SWAPS_AND_INVERSIONS + SHIFTS), max_size=6),
    st.integers(1, 5).map(lambda half: 2 * half),
    st.integers(1, 5).map(lambda half: 2 * half),
)
def test_shifts_too_replay_at_twice_the_size_where_the_sides_are_even(
    labels: list[str], height: int, width: int
) -> None:
    recipe, photo = Recipe.of(labels), noise(height, width)
    assert np.array_equal(recipe(enlarge(photo)), enlarge(recipe(photo)))


def test_the_inverse_undoes_in_reverse_order() -> None:
    inverse = Recipe.of(["shift_left_r", "swap_rg", "invert_b"]).inverse
    assert inverse is not None
    assert inverse.labels == ["invert_b", "swap_rg", "shift_right_r"]


@dataclass(frozen=True)
class Darken(Transform):
    """One that can't be undone and combines with nothing."""

    label = "darken"
    advice = "There is too much light in it."

    def __call__(self, photo: Photo) -> Photo:
        return photo // 2


def with_darken(*labels: str) -> Recipe:
    return Recipe(tuple(Darken() if label == "darken" else by_label(label) for label in labels))


def test_a_recipe_with_a_transform_that_has_no_inverse_has_none_either() -> None:
    assert with_darken("swap_gb", "darken").inverse is None
    assert Recipe.of(["swap_gb"]).inverse is not None


@pytest.mark.parametrize(
    ("labels", "length"),
    [
        (["darken"], 1),
        (["darken", "darken"], 2),
        (["swap_gb", "darken", "swap_gb"], 3),  # though pixels show that it reduces
        (["swap_gb", "swap_gb", "darken"], 1),
        (["invert_r", "darken", "invert_g", "invert_g", "invert_r"], 3),
    ],
)
def test_a_transform_outside_the_composition_rules_counts_as_itself_and_parts_the_others(
    labels: list[str], length: int
) -> None:
    recipe = with_darken(*labels)
    assert shortest_length(recipe) == length
