"""Every transform and adjustment, on photos of any size, content and memory layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo import Photo
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.recipe import Recipe

CUTTING = ("crop_", "level_")

adjustments = st.builds(Adjust, st.sampled_from(ADJUSTMENTS), st.floats(-1, 1))
transforms = st.sampled_from(list(catalogue().values())) | adjustments


@st.composite
def photos(draw: st.DrawFn) -> Photo:
    """Noise, one colour, or a ramp, of 1 x 1 to 40 x 40 pixels; contiguous, mirrored or with the channels turned."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "one colour", "ramp"]))
    if kind == "noise":
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    elif kind == "one colour":
        photo = np.full((height, width, 3), draw(st.tuples(*[st.sampled_from([0, 1, 100, 254, 255])] * 3)), np.uint8)
    else:
        photo = np.linspace(0, 255, height * width * 3).astype(np.uint8).reshape(height, width, 3)
    view = draw(st.sampled_from([np.s_[:], np.s_[::-1], np.s_[:, ::-1], np.s_[:, :, ::-1]]))
    return photo[view]


@settings(max_examples=500, deadline=None)
@given(transforms, photos())
def test_a_transform_gives_a_photo_and_leaves_its_input(transform: Transform, photo: Photo) -> None:
    before = photo.copy()
    photo.flags.writeable = False
    result = transform(photo)
    assert np.array_equal(photo, before)
    assert result.dtype == np.uint8
    assert result.ndim == 3
    assert result.shape[2] == 3
    if transform.label.startswith(CUTTING):
        assert 1 <= result.shape[0] <= photo.shape[0]
        assert 1 <= result.shape[1] <= photo.shape[1]
    else:
        assert result.shape == photo.shape


@settings(max_examples=500, deadline=None)
@given(transforms, photos())
def test_the_result_depends_on_the_pixels_only_not_on_the_call_or_the_memory(
    transform: Transform, photo: Photo
) -> None:
    result = transform(photo)
    assert np.array_equal(transform(photo), result)
    assert np.array_equal(transform(np.ascontiguousarray(photo)), result)
    assert np.array_equal(transform(np.asfortranarray(photo)), result)


@settings(max_examples=200, deadline=None)
@given(transforms, photos(), photos())
def test_fixed_for_a_photo_it_is_the_same_edit_of_that_photo_and_no_more_of_any_photo(
    transform: Transform, photo: Photo, other: Photo
) -> None:
    fixed = transform.fixed_for(photo)
    assert fixed.label == transform.label
    assert fixed.advice == transform.advice
    assert np.array_equal(fixed(photo), transform(photo))
    if fixed != transform:
        assert fixed.fixed_for(other) == fixed


@settings(max_examples=100, deadline=None)
@given(st.lists(transforms, max_size=5), photos())
def test_any_recipe_is_written_down_read_back_and_does_the_same(chosen: list[Transform], photo: Photo) -> None:
    recipe = Recipe(tuple(chosen))
    read = Recipe.from_json(recipe.to_json())
    assert read == recipe
    assert np.array_equal(read(photo), recipe(photo))


@given(adjustments)
def test_the_advice_of_an_adjustment_is_one_sentence(adjustment: Adjust) -> None:
    assert adjustment.advice[0].isupper()
    assert adjustment.advice.endswith(".")
    assert adjustment.advice.count(".") == 1
    assert len(adjustment.advice.split()) >= 3


def test_labels_are_snake_case() -> None:
    assert all(label.isidentifier() and label.islower() for label in catalogue())


@pytest.mark.parametrize("label", sorted(set(catalogue()) - {STOP_LABEL, "level_horizon"}))
def test_a_transform_does_something_to_a_dull_noisy_photo_with_a_cast(label: str) -> None:
    photo = np.random.default_rng(0).integers((60, 50, 40), (120, 100, 80), (41, 60, 3), dtype=np.uint8)
    assert not np.array_equal(by_label(label)(photo), photo)
