"""What a table of colours can hold is found out by trying, for every transform there is."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.export.steps import CUTS, MOVES, OTHERS, WHOLE, steps_of, why_no_function_of_colour
from apsi.photo import Photo
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.base import Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.recipe import Recipe
from tests.export.recipes import COLOURS, FOR_A_PHOTO, PHOTO, SPATIAL, Brightest, colour_steps

REASONS = {
    **dict.fromkeys([label for label in SPATIAL if label.startswith(("crop_", "level_"))], CUTS),
    **dict.fromkeys([label for label in SPATIAL if label.startswith("flip_") or label.endswith("_all")], MOVES),
    **dict.fromkeys(FOR_A_PHOTO, WHOLE),
}


@pytest.mark.parametrize("label", list(catalogue()))
def test_every_transform_is_told_apart_by_what_it_does(label: str) -> None:
    expected = REASONS.get(label, OTHERS if label in SPATIAL else None)
    assert why_no_function_of_colour(by_label(label)) == expected


@pytest.mark.parametrize("name", [name for name in ADJUSTMENTS if name != "blur_sharpen"])
def test_an_adjustment_of_colour_is_a_function_of_colour_at_any_strength(name: str) -> None:
    assert all(why_no_function_of_colour(Adjust(name, strength)) is None for strength in (-1, -0.3, 0.001, 0.4, 1))


@pytest.mark.parametrize(
    "label", ["sensor_noise(0.01000,0.000100)", "jpeg(90)", "defocus(0.50)", "blur_sharpen(-0.010)"]
)
def test_noise_compression_and_the_weakest_blurs_are_none(label: str) -> None:
    assert why_no_function_of_colour(by_label(label)) == OTHERS


@settings(max_examples=15, deadline=None)
@given(st.lists(colour_steps, min_size=1, max_size=4))
def test_what_the_steps_hold_is_the_recipe_for_its_photo(transforms: list[Transform]) -> None:
    recipe = Recipe(tuple(transforms))
    steps = list(steps_of(recipe, PHOTO))
    assert [step.reason for step in steps] == [None] * len(transforms)
    assert [step.is_for_the_photo for step in steps] == [t.label in FOR_A_PHOTO for t in transforms]
    assert np.array_equal(Recipe(tuple(step.fixed for step in steps))(PHOTO), recipe(PHOTO))


@pytest.mark.parametrize("label", FOR_A_PHOTO)
def test_without_the_photo_a_step_that_depends_on_it_is_an_error_that_asks_for_it(label: str) -> None:
    with pytest.raises(ApsiError, match=rf"'{label}' does something else to every photo.*photo=FILE"):
        list(steps_of(Recipe.of(["contrast_up", label]), None))


def test_a_step_is_fixed_for_the_photo_as_the_steps_before_it_left_it() -> None:
    recipe = Recipe.of(["crop_1_1", "blur_box_11", "auto_contrast"])
    *_, last = steps_of(recipe, PHOTO)
    before = Recipe.of(["crop_1_1", "blur_box_11"])(PHOTO)
    assert np.array_equal(last.fixed(COLOURS), by_label("auto_contrast").fixed_for(before)(COLOURS))


@pytest.mark.parametrize("label", ["crop_4_5", "crop_thirds", "crop_16_9"])
def test_what_a_crop_keeps_is_known_for_its_photo(label: str) -> None:
    (step,) = steps_of(Recipe.of([label]), PHOTO)
    assert step.part is not None
    h, w = PHOTO.shape[:2]
    left, top, right, bottom = (round(share * side) for share, side in zip(step.part, (w, h, w, h), strict=True))
    assert np.array_equal(PHOTO[top:bottom, left:right], by_label(label)(PHOTO))


def test_what_depends_on_the_whole_photo_and_can_not_be_fixed_is_told_from_what_can() -> None:
    (step,) = steps_of(Recipe((Brightest(),)), PHOTO)
    assert step.reason == WHOLE


@dataclass(frozen=True)
class Wrong(Brightest):
    """Fixes itself to something else than what it does."""

    def fixed_for(self, photo: Photo) -> Transform:
        return by_label("invert_all")


@dataclass(frozen=True)
class OnlyThere(Transform):
    """A function of colours everywhere but in a corner of large photos."""

    label = "only_there"
    advice = "Mind the corner."

    def __call__(self, photo: Photo) -> Photo:
        edited = photo.copy()
        if photo.shape == PHOTO.shape:
            edited[:50, :50] = 0
        return edited


@pytest.mark.parametrize("transform", [Wrong(), OnlyThere()])
def test_what_the_probes_say_nothing_against_is_tried_on_the_photo_itself(transform: Transform) -> None:
    (step,) = steps_of(Recipe((transform,)), PHOTO)
    assert step.reason == OTHERS
