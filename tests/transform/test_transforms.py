"""Every transform: pure, reversible where it says so, and with something to say to a photographer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.transform.base import STOP_LABEL, Named, Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.recipe import Recipe

SWAPS = ["swap_rg", "swap_rb", "swap_gb"]
INVERSIONS = ["invert_r", "invert_g", "invert_b"]
SHIFTS = [f"shift_{way}_{channel}" for way in ("left", "right", "up", "down") for channel in ("r", "g", "b", "all")]
REVERSIBLE = [*SWAPS, *INVERSIONS, *SHIFTS]

every_transform = pytest.mark.parametrize("transform", catalogue().values(), ids=catalogue().keys())


def noise(height: int, width: int, seed: int = 0) -> Photo:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def red(row: list[int]) -> Photo:
    """A photo of one row with these values in red, and 7 and 9 in green and blue."""
    return np.array([[[value, 7, 9] for value in row]], np.uint8)


@settings(max_examples=200, deadline=None)
@given(
    labels=st.lists(st.sampled_from(REVERSIBLE), max_size=8),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_undoing_a_random_recipe_gives_the_photo_back_bit_for_bit(
    labels: list[str], height: int, width: int, seed: int
) -> None:
    photo = noise(height, width, seed)
    recipe = Recipe.of(labels)
    undone = recipe.inverse
    assert undone is not None
    assert np.array_equal(undone(recipe(photo)), photo)


@pytest.mark.parametrize("label", REVERSIBLE)
def test_each_reversible_transform_changes_pixels_and_its_inverse_gives_them_back(label: str) -> None:
    photo, transform = noise(7, 5), by_label(label)
    assert transform.inverse is not None
    assert not np.array_equal(transform(photo), photo)
    assert np.array_equal(transform.inverse(transform(photo)), photo)
    assert np.array_equal(transform(transform.inverse(photo)), photo)


@every_transform
@pytest.mark.parametrize("size", [(1, 1), (6, 8), (7, 5), (1, 40), (130, 150)])
def test_no_transform_changes_its_input_or_its_type_and_only_crops_its_size(
    transform: Transform, size: tuple[int, int]
) -> None:
    photo = noise(*size)
    before = photo.copy()
    photo.flags.writeable = False
    result = transform(photo)
    assert np.array_equal(photo, before)
    assert result.dtype == np.uint8 and result.shape[2] == 3
    if transform.label.startswith(("crop", "level")):
        assert 1 <= result.shape[0] <= size[0] and 1 <= result.shape[1] <= size[1]
    else:
        assert result.shape == photo.shape


@every_transform
def test_a_transform_gives_the_same_result_every_time(transform: Transform) -> None:
    assert np.array_equal(transform(noise(9, 11)), transform(noise(9, 11)))


@pytest.mark.parametrize(
    ("label", "expected"), [("swap_rg", [2, 1, 3]), ("swap_rb", [3, 2, 1]), ("swap_gb", [1, 3, 2])]
)
def test_a_swap_exchanges_two_channels(label: str, expected: list[int]) -> None:
    assert by_label(label)(np.array([[[1, 2, 3]]], np.uint8)).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("label", "expected"), [("invert_r", [255, 20, 255]), ("invert_g", [0, 235, 255]), ("invert_b", [0, 20, 0])]
)
def test_an_inversion_turns_one_channel_to_255_minus_x(label: str, expected: list[int]) -> None:
    assert by_label(label)(np.array([[[0, 20, 255]]], np.uint8)).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("label", "before", "after"),
    [
        ("shift_left_r", [0, 1, 2, 3], [2, 3, 0, 1]),
        ("shift_right_r", [0, 1, 2, 3], [2, 3, 0, 1]),
        ("shift_left_r", [0, 1, 2, 3, 4], [2, 3, 4, 0, 1]),
        ("shift_right_r", [0, 1, 2, 3, 4], [3, 4, 0, 1, 2]),
        ("shift_left_r", [5], [5]),
    ],
)
def test_a_shift_across_moves_by_half_the_width_rounded_down(label: str, before: list[int], after: list[int]) -> None:
    assert np.array_equal(by_label(label)(red(before)), red(after))


@pytest.mark.parametrize(
    ("label", "before", "after"),
    [
        ("shift_up_r", [0, 1, 2, 3, 4], [2, 3, 4, 0, 1]),
        ("shift_down_r", [0, 1, 2, 3, 4], [3, 4, 0, 1, 2]),
        ("shift_down_r", [0, 1, 2, 3], [2, 3, 0, 1]),
    ],
)
def test_a_shift_down_or_up_moves_by_half_the_height_rounded_down(
    label: str, before: list[int], after: list[int]
) -> None:
    assert np.array_equal(by_label(label)(red(before).transpose(1, 0, 2)), red(after).transpose(1, 0, 2))


@pytest.mark.parametrize("way", ["left", "right", "up", "down"])
def test_a_shift_of_one_channel_leaves_the_others_and_all_is_the_three_together(way: str) -> None:
    photo = noise(5, 7)
    whole = by_label(f"shift_{way}_all")(photo)
    for index, channel in enumerate("rgb"):
        shifted = by_label(f"shift_{way}_{channel}")(photo)
        for other in range(3):
            assert np.array_equal(shifted[..., other], (whole if other == index else photo)[..., other])


def test_stop_changes_nothing() -> None:
    assert np.array_equal(by_label(STOP_LABEL)(noise(3, 4)), noise(3, 4))


def test_all_reversible_transforms_are_in_the_catalogue_under_their_own_labels() -> None:
    assert {*REVERSIBLE, STOP_LABEL} <= set(catalogue())
    assert all(by_label(label).label == label for label in catalogue())


def test_no_two_labels_name_the_same_transform() -> None:
    transforms = list(catalogue().values())
    assert len(set(transforms)) == len(transforms)


@every_transform
def test_an_inverse_stands_in_the_catalogue_and_leads_back(transform: Transform) -> None:
    if transform.inverse is not None:
        assert by_label(transform.inverse.label) == transform.inverse
        assert np.array_equal(transform.inverse(transform(noise(7, 5))), noise(7, 5))
        assert transform.inverse.inverse == transform


@every_transform
def test_the_advice_is_one_sentence(transform: Transform) -> None:
    assert transform.advice[0].isupper()
    assert transform.advice.endswith(".")
    assert transform.advice.count(".") == 1
    assert len(transform.advice.split()) >= 4


def test_no_two_transforms_give_the_same_advice() -> None:
    advice = [transform.advice for transform in catalogue().values()]
    assert len(set(advice)) == len(advice)


@pytest.mark.parametrize(("typo", "meant"), [("swapgb", "swap_gb"), ("shift_left_al", "shift_left_all")])
def test_an_unknown_label_names_the_closest(typo: str, meant: str) -> None:
    with pytest.raises(ApsiError, match=f"unknown transform '{typo}'. Did you mean '{meant}'?"):
        by_label(typo)


def test_a_label_like_no_other_gets_no_guess_but_all_known_ones() -> None:
    with pytest.raises(ApsiError, match=r"unknown transform 'xyz'\. Known: ") as caught:
        by_label("xyz")
    assert all(label in str(caught.value) for label in REVERSIBLE)


@every_transform
@pytest.mark.parametrize(
    "shape", [(4, 5, 4), (4, 5, 1), (4, 5), (0, 5, 3)], ids=["four channels", "one", "gray", "no pixel"]
)
def test_a_transform_refuses_what_is_no_photo_by_its_name(transform: Transform, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ApsiError, match=rf"transform '{transform.label}' was not given a photo: .*this is \({shape[0]}"
    ):
        transform(np.zeros(shape, np.uint8))


def test_a_photo_of_floats_or_of_another_library_is_refused() -> None:
    for wrong in (np.zeros((4, 5, 3)), [[[1, 2, 3]]]):
        with pytest.raises(
            ApsiError, match=r"transform 'invert_r' was not given a photo: .*leave out a fourth channel"
        ):
            Recipe.of(["invert_r"])(wrong)  # type: ignore[arg-type]  # what is tested


@dataclass(frozen=True)
class OfOnesOwn(Named):
    """A component of a user that gets its result wrong."""

    make: Callable[[Photo], Any]

    def __call__(self, photo: Photo) -> Photo:
        made: Photo = self.make(photo)
        return made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda photo: np.dstack([photo, photo[..., 0]]), r"this is \(7, 5, 4\) uint8"),
        (lambda photo: photo / 2, r"this is \(7, 5, 3\) float64"),
        (lambda photo: photo[..., 0], r"this is \(7, 5\) uint8"),
        (lambda photo: photo[:0], r"this is \(0, 5, 3\) uint8"),
        (lambda photo: None, "'NoneType' object"),
    ],
    ids=["four channels", "floats", "gray", "no pixel", "nothing"],
)
def test_a_transform_that_does_not_return_a_photo_is_refused_by_its_name(
    make: Callable[[Photo], Any], message: str
) -> None:
    with pytest.raises(ApsiError, match=rf"transform 'own' \(.*OfOnesOwn\) does not return a photo: .*{message}"):
        Recipe((by_label("invert_r"), OfOnesOwn("own", "", make)))(noise(7, 5))
