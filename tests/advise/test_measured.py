"""What is measured of each step, and the warnings of it."""

import numpy as np
import pytest

from apsi.advise.measured import MOST_GREYED, greyed, greyed_said
from apsi.advise.words import Words
from apsi.photo import Photo
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo


def with_white(share: float) -> Photo:
    """Darker than white everywhere but in so much of it."""
    photo = np.minimum(natural_photo(0, 60, 100), 230).astype(np.uint8)
    photo[:, : round(100 * share)] = 255
    return photo


def greyed_by(photo: Photo, *labels: str) -> list[float]:
    recipe, views = Recipe.of(labels), [photo]
    for transform in recipe:
        views.append(transform(views[-1]))
    return greyed(recipe, views)


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
