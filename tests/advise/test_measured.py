"""What is measured of each step, and the warnings of it."""

import numpy as np
import pytest

from apsi.advise.measured import MOST_GREYED, Observation, greyed, greyed_said, observation_said, observed
from apsi.advise.words import Words
from apsi.photo import Photo
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo


def with_white(share: float) -> Photo:
    """Darker than white everywhere but in so much of it."""
    photo = np.minimum(natural_photo(0, 60, 100), 230).astype(np.uint8)
    photo[:, : round(100 * share)] = 255
    return photo


def views_of(photo: Photo, recipe: Recipe) -> list[Photo]:
    views = [photo]
    for transform in recipe:
        views.append(transform(views[-1]))
    return views


def greyed_by(photo: Photo, *labels: str) -> list[float]:
    recipe = Recipe.of(labels)
    return greyed(recipe, views_of(photo, recipe))


def observed_of(photo: Photo, *labels: str) -> list[Observation | None]:
    recipe = Recipe.of(labels)
    return observed(recipe, views_of(photo, recipe))


def test_white_that_becomes_grey_is_told_of_the_step_that_made_it_grey() -> None:
    found = greyed_by(with_white(0.1), "gamma(-0.300)", "exposure(-0.200)", "exposure(-0.300)")
    assert found == pytest.approx([0, 0.1, 0])
    assert "10\N{NO-BREAK SPACE}% of the photo was burnt out" in greyed_said(found[1], Words())


def test_small_steps_that_make_white_grey_together_are_told_once() -> None:
    assert greyed_by(with_white(0.1), *["exposure(-0.060)"] * 4) == pytest.approx([0, 0.1, 0, 0])


@pytest.mark.parametrize(
    "label", ["exposure(-0.050)", "exposure(+0.500)", "gamma(-0.600)", "contrast(+0.400)", "temperature(+0.300)"]
)
def test_an_ordinary_edit_gets_no_warning(label: str) -> None:
    assert greyed_by(with_white(0.5), label) == [0]


def test_light_that_can_be_brought_back_and_a_highlight_get_no_warning() -> None:
    for photo in (with_white(0), with_white(0.01)):
        (found,) = greyed_by(photo, "exposure(-0.600)")
        assert found < MOST_GREYED and not greyed_said(found, Words())


def test_after_a_crop_only_what_is_left_counts() -> None:
    assert greyed_by(with_white(0.5), "crop(0.000,0.000,0.500,1.000)", "exposure(-0.300)") == [0, 1]
    assert greyed_by(with_white(0.5), "crop(0.500,0.000,1.000,1.000)", "exposure(-0.300)") == [0, 0]


@pytest.mark.parametrize(
    ("label", "of", "rises"),
    [
        ("exposure(-0.300)", "lightness", False),
        ("gamma(+0.300)", "lightness", True),
        ("contrast(+0.300)", "contrast", True),
        ("temperature(+0.300)", "yellow", True),
        ("tint(-0.300)", "magenta", False),
        ("saturation(-0.300)", "saturation", False),
        ("vibrance(+0.300)", "saturation", True),
        ("blur_sharpen(-0.500)", "blur", True),
        ("saturation_up_strong", "saturation", True),
        ("warmth", "yellow", True),
    ],
)
def test_an_edit_is_told_by_what_it_is_about_or_else_by_what_it_changed_most(label: str, of: str, rises: bool) -> None:
    (one,) = observed_of(natural_photo(1), label)
    assert one is not None and one.of == of and (one.after > one.before) == rises


def test_what_nobody_sees_and_another_frame_are_not_told() -> None:
    photo = natural_photo(1)
    assert observed_of(photo, "exposure(+0.001)", "crop(0.200,0.200,0.900,0.900)", "flip_horizontal") == [
        None,
        None,
        None,
    ]


def test_a_cast_is_told_by_its_way_and_how_much() -> None:
    said = observation_said(Observation("yellow", -3.04, 1.26), Words())
    assert said == "Its colours leaned to blue by 3.0 on average (0: neutral), they lean to yellow by 1.3 now."
    assert "Grün" in observation_said(Observation("magenta", -3.0, -1.0), Words("de"))
