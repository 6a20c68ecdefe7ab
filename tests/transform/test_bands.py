"""Photos that are edited a band of rows at a time, and photos of 16 bits: the same edit."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.depth import FINER, to_8_bits, to_16_bits
from apsi.transform import bands
from apsi.transform.adjust import Adjust
from apsi.transform.bands import by_bands
from apsi.transform.base import Named, Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.flaws import Flaw
from apsi.transform.full_size import apply
from apsi.transform.recipe import Recipe
from tests.transform.test_every_transform import photos, transforms
from tests.transform.test_full_size import WITH_A_SIZE, made_photo

BLURRED = [Flaw("defocus", (3.0,)), Flaw("motion_blur", (6.0, 30.0))]
COARSE = {"blur_gauss", "blur_sharpen"}
"""Those that show how coarsely OpenCV counts in a Gaussian of 8 bits: where there is nothing but noise"""


def in_bands_of(pixels: int, transform: Transform, photo: Photo) -> Photo:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bands, "_BAND_PIXELS", pixels)
        return transform(photo)


def crooked() -> Photo:
    """A horizon that leans by 4 degrees."""
    sea = made_photo("smooth", 240, 320) // 4
    cv2.fillPoly(sea, [np.array([[0, 130], [320, 108], [320, 0], [0, 0]], np.int32)], (210, 220, 240))
    return sea


@settings(max_examples=300, deadline=None)
@given(transforms, photos(), st.integers(1, 700))
def test_bands_of_any_height_make_the_whole_bit_for_bit(transform: Transform, photo: Photo, pixels: int) -> None:
    assert np.array_equal(in_bands_of(pixels, transform, photo), transform(photo))


@pytest.mark.parametrize("transform", [*WITH_A_SIZE, *BLURRED, by_label("clahe")], ids=lambda t: t.label)
def test_the_same_where_sizes_have_grown_far_beyond_a_band(transform: Transform) -> None:
    photo = made_photo("textured", 691, 703)
    assert np.array_equal(in_bands_of(703 * 7, transform, photo), in_bands_of(703 * 691, transform, photo))


def test_a_band_is_told_as_many_rows_around_it_as_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "_BAND_PIXELS", 10)
    numbers = np.arange(40).reshape(20, 2)
    seen: list[tuple[int, int]] = []

    def spread(rows: np.ndarray, own: np.ndarray) -> np.ndarray:
        seen.append((int(own[0]), int(own[-1])))
        return np.asarray(cv2.blur(rows.astype(np.float64), (1, 3)))

    assert np.array_equal(by_bands(spread, numbers, np.arange(20), reach=1), cv2.blur(numbers.astype(float), (1, 3)))
    assert sorted(seen) == [(0, 5), (4, 10), (9, 15), (14, 19)]


@settings(max_examples=300, deadline=None)
@given(transforms, photos())
def test_16_bits_are_edited_like_8(transform: Transform, photo: Photo) -> None:
    """Within a level of 255; noise blurred by OpenCV in 8 bits is off by one more, and sharpened by it by two."""
    before = to_16_bits(photo)
    edited = transform(before)
    assert edited.dtype == np.uint16
    assert np.array_equal(before, to_16_bits(photo))
    expected = transform(photo)
    assert edited.shape == expected.shape
    off = np.abs(to_8_bits(edited).astype(int) - expected)
    assert off.max() <= (3 if transform.label.startswith(tuple(COARSE)) else 1)


@pytest.mark.parametrize("transform", [*WITH_A_SIZE, by_label("clahe"), by_label("crop_thirds")], ids=lambda t: t.label)
def test_16_bits_are_edited_like_8_on_a_larger_photo(transform: Transform) -> None:
    photo = made_photo("textured", 341, 367)
    off = np.abs(to_8_bits(transform(to_16_bits(photo))).astype(int) - transform(photo))
    assert off.max() <= (2 if transform.label == "blur_sharpen(+1.000)" else 1)


@pytest.mark.parametrize("label", ["level_horizon", "white_balance", "auto_contrast", "gamma_auto", "crop_thirds"])
def test_what_depends_on_the_photo_is_decided_alike_for_both_depths(label: str) -> None:
    photo = crooked()
    edited = by_label(label)(photo)
    assert not np.array_equal(edited, photo)
    deep = to_8_bits(by_label(label)(to_16_bits(photo)))
    assert deep.shape == edited.shape
    assert np.abs(deep.astype(int) - edited).max() <= 1


@pytest.mark.parametrize("label", ["exposure_up", "saturation_up_weak", "clarity", "clahe", "blur_median_3", "warmth"])
def test_16_bits_keep_tones_that_8_have_not(label: str) -> None:
    """A sky of 40 levels of 8 bits in a thousand steps has many more than 40 afterwards."""
    sky = np.linspace(100 * FINER, 140 * FINER, 1000).astype(np.uint16)
    photo = np.repeat(np.tile(sky, (140, 1))[..., None], 3, axis=2)
    assert len(np.unique(by_label(label)(photo)[..., 0])) > 130


@dataclass(frozen=True)
class Plain(Named):
    """A transform of a user, who knows of 8 bits."""

    def __call__(self, photo: Photo) -> Photo:
        return np.asarray(255 - photo, np.uint8)


PLAIN = Plain("plain", "Try it as a negative.")


def test_a_plain_transform_works_in_a_recipe_of_8_bits_and_is_named_before_16_bits_are_touched() -> None:
    photo = made_photo("smooth", 40, 60)
    recipe = Recipe((by_label("warmth"), PLAIN, Flaw("jpeg", (50,)), PLAIN))
    assert np.array_equal(apply(recipe, photo), recipe(photo))
    steps: list[tuple[int, int]] = []
    with pytest.raises(ApsiError, match=r"for 8 bits only: plain, jpeg\(50\); leave"):
        apply(recipe, to_16_bits(photo), lambda *step: steps.append(step))
    assert not steps
    with pytest.raises(ApsiError, match="for 8 bits only: plain;"):
        PLAIN(to_16_bits(photo))


def test_every_transform_of_the_catalogue_takes_16_bits() -> None:
    assert [label for label, transform in catalogue().items() if not transform.deep] == []


def test_a_recipe_at_full_size_says_how_far_it_is_and_gives_pixels_of_its_own() -> None:
    photo, steps = made_photo("smooth", 40, 60), []
    recipe = Recipe.of(["crop_1_1", "flip_horizontal"])
    edited = apply(recipe, photo, lambda *step: steps.append(step))
    assert np.array_equal(edited, recipe(photo))
    assert steps == [(1, 2), (2, 2)]
    for made in (edited, apply(Recipe(), photo)):
        assert not np.shares_memory(made, photo)
        assert made.base is None


def test_a_photo_too_long_to_be_turned_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apsi.transform.horizon._LONGEST", 300)
    with pytest.raises(ApsiError, match="'level_horizon' can't turn 320 x 240 pixels, at most 300 a side"):
        by_label("level_horizon")(crooked())


def test_no_adjustment_is_for_8_bits_only() -> None:
    assert Adjust("exposure", 0.5).deep
