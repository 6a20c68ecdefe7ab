"""Photographic flaws drawn at random."""

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.degradation.photographic import FLAWS, Photographic
from apsi.errors import ApsiError
from apsi.transform.catalogue import by_label
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo


def drawn(count: int, **settings: object) -> list[Recipe]:
    overrides = ["degradation=photographic", *(f"degradation.{key}={value}" for key, value in settings.items())]
    degradation: Photographic = instantiate(load_config(overrides).degradation)
    return [degradation.sample(np.random.default_rng(i)) for i in range(count)]


def test_recipes_have_every_number_and_every_kind_of_flaw_and_replay_from_their_labels() -> None:
    recipes = drawn(200)
    assert {len(recipe) for recipe in recipes} == {1, 2, 3}
    kinds = {label.partition("(")[0] for recipe in recipes for label in recipe.labels}
    assert len(kinds) == len(FLAWS) == 10
    assert all(Recipe.of(recipe.labels) == recipe for recipe in recipes)
    assert all(len({label.partition("(")[0] for label in r.labels}) == len(r) for r in recipes)
    assert drawn(20) == recipes[:20]  # by the seed


def test_flaws_come_in_the_order_of_their_causes_and_only_those_asked_for() -> None:
    recipes = drawn(50, flaws="[jpeg,exposure,haze]", n_min=3)
    assert {tuple(label.partition("(")[0] for label in recipe.labels) for recipe in recipes} == {
        ("haze", "exposure_error", "jpeg")
    }


def test_no_recipe_reduces_to_a_shorter_one() -> None:
    assert [recipe.labels for recipe in drawn(6, n_min=2, n_max=2) if recipe.reduces] == []


def test_strengths_stay_within_their_bounds_and_every_flaw_shows() -> None:
    recipes = drawn(60, flaws="[exposure]", n_max=1, weakest=0.3, strongest=0.6)
    stops = np.array([abs(by_label(recipe.labels[0]).numbers[0]) for recipe in recipes])  # type: ignore[attr-defined]
    assert 0.44 <= stops.min() < 0.5 and 0.85 < stops.max() <= 0.91
    photo = natural_photo(0, 128, 128)
    assert all((recipe(photo) != photo).any() for recipe in drawn(40))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"flaws": "[exposur]"}, "Did you mean 'exposure'"),
        ({"flaws": "[exposure,exposure]"}, "each once"),
        ({"n_max": 11}, "n_max=11 must be"),
        ({"n_min": 0}, "greater than 0"),
        ({"weakest": 0}, r"weakest=0(\.0)? "),
        ({"weakest": 0.5, "strongest": 0.4}, r"weakest=0\.5 and strongest=0\.4"),
    ],
)
def test_what_can_not_be_is_one_clear_error(overrides: dict[str, object], says: str) -> None:
    with pytest.raises(ApsiError, match=says):
        drawn(1, **overrides)
