"""What fewer transforms would do as well is found out: held against pixels of other photos than those it looks at."""

from functools import cache
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.config.compose import load_config
from apsi.degradation.multi import Multi
from apsi.degradation.random import Random
from apsi.photo import Photo
from apsi.photo.hash import pixel_hash
from apsi.transform.adjust import Adjust
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.recipe import Recipe
from apsi.transform.reduction import _same_as_fewer, reduces

FOURTEEN = list(load_config(["transform=reversible"]).transform.labels)
EIGHTEEN = [*FOURTEEN, "invert_rg", "invert_rb", "invert_gb", "invert_all"]
EVERY = sorted(set(catalogue()) - {STOP_LABEL})


@cache
def photos(parity: int) -> tuple[Photo, ...]:
    """Noise and something like a photo, of even sides or of odd ones."""
    height, width = 60 + parity, 88 + parity
    rng = np.random.default_rng(7 + parity)
    y, x = np.mgrid[:height, :width]
    light = 90 + 15 * np.sin(x / 9) * np.cos(y / 14) + 45 * np.clip(y - 20 - 0.1 * x, 0, 1)  # hazy, even when sharpened
    made = light[..., None] * np.array([0.5, 1.1, 0.8]) + cv2.GaussianBlur(
        rng.normal(0, 4, (height, width, 3)), (0, 0), 2
    )
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), np.clip(made, 0, 255).astype(np.uint8)


def pixels(labels: tuple[str, ...], parities: tuple[int, ...] = (0, 1)) -> bytes:
    """What these make of all photos of such sides."""
    return b"".join(pixel_hash(Recipe.of(labels)(photo)) for parity in parities for photo in photos(parity))


@cache
def what_one_or_none_does(parities: tuple[int, ...]) -> dict[bytes, str]:
    return {pixels(labels, parities): "+".join(labels) for labels in ((), *((label,) for label in EVERY))}


def test_of_the_pairs_with_inversions_of_several_channels_all_that_one_does_reduce_and_no_others() -> None:
    among = [by_label(label) for label in EIGHTEEN]
    one_or_none = {pixels(labels, (0,)) for labels in ((), *((label,) for label in EIGHTEEN))}
    pairs = list(product(EIGHTEEN, repeat=2))
    found = {pair for pair in pairs if reduces(Recipe.of(pair), among)}
    assert found == {pair for pair in pairs if pixels(pair, (0,)) in one_or_none}
    assert len(found) == 18 + 42  # each with itself, and two different ones of the 7 inversions are a third


def test_two_inversions_are_two_steps_where_nobody_has_one_of_two_channels() -> None:
    pair = Recipe.of(["invert_r", "invert_g"])
    assert not reduces(pair, [by_label(label) for label in FOURTEEN])
    assert reduces(pair, [by_label(label) for label in EIGHTEEN])


@pytest.mark.parametrize(
    "labels",
    [
        "invert_b invert_all",
        "invert_rg invert_gb",
        "flip_horizontal flip_horizontal",
        "flip_vertical invert_r flip_vertical",
        "shift_left_all flip_horizontal shift_left_all",
        "shift_left_all flip_horizontal shift_right_all",
        "gray_luma gray_luma",
        "gray_luma gray_mean",
        "swap_rg gray_mean",
        "gray_mean saturation_up",
        "crop_1_1 crop_1_1",
        "crop_4_3 crop_1_1",
        "crop_thirds crop_1_1 crop_1_1",
        "swap_rb warmth swap_rb",
        "invert_all brightness_up invert_all",
        "invert_all brightness_up invert_r",  # brightness_down and invert_gb
        "brightness_up_weak brightness_up_weak",
        "brightness_up_weak flip_vertical brightness_up_weak",
        "brightness_down brightness_down_weak",
        "auto_contrast auto_contrast",
        "level_horizon level_horizon",
        "blur_box_3 gray_luma unsharp gray_luma",
        "flip_vertical blur_box_3 unsharp swap_rb flip_vertical",
        "gamma(+0.000)",
        "exposure(+0.500) gamma(+0.000)",
    ],
)
def test_what_fewer_do_reduces(labels: str) -> None:
    assert Recipe.of(labels.split()).reduces


@pytest.mark.parametrize(
    "labels",
    [
        "",
        "level_horizon",
        "crop_3_2",
        "exposure_up exposure_down",
        "exposure_up exposure_up",
        "blur_box_3 blur_box_3",
        "gamma_up gamma_down",
        "warmth coolness",
        "gray_luma brightness_up",
        "invert_all contrast_up",
        "gray_luma invert_all crop_1_1",
        "crop_thirds crop_thirds",
        "flip_horizontal flip_vertical",
        "flip_horizontal shift_left_r",
        "unsharp blur_gauss_3 unsharp saturation_up",
        "exposure(+0.300) exposure(-0.300)",
    ],
)
def test_what_takes_as_many_does_not(labels: str) -> None:
    assert not Recipe.of(labels.split()).reduces


words = st.lists(st.sampled_from(EVERY), min_size=2, max_size=3).map(tuple)


@settings(max_examples=150, deadline=None)
@given(words)
def test_what_one_transform_or_none_does_is_never_said_to_take_more(labels: tuple[str, ...]) -> None:
    if not Recipe.of(labels).reduces:
        assert pixels(labels) not in what_one_or_none_does((0, 1))


@pytest.mark.slow
def test_no_pair_of_all_transforms_that_one_or_none_does_is_missed() -> None:
    one_or_none, among = what_one_or_none_does((0, 1)), [by_label(label) for label in EVERY]
    pairs = [pair for pair in product(EVERY, repeat=2) if not reduces(Recipe.of(pair), among)]
    missed = [pair for pair in pairs if pixels(pair) in one_or_none]
    assert missed == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([label for label in EVERY if "crop" not in label]), min_size=2, max_size=2).map(tuple))
def test_a_pair_reduces_only_where_one_or_none_does_it(labels: tuple[str, ...]) -> None:
    """But for what cuts, which may do so in photos of another shape only."""
    if Recipe.of(labels).reduces and not all(by_label(label).element for label in labels):
        alone = {pixels(shorter, (0,))[:16] for shorter in ((), *((label,) for label in EVERY))}
        assert pixels(labels, (0,))[:16] in alone


@pytest.mark.parametrize("degradation", [Multi(EVERY, n=2), Random(EVERY, n_min=1, n_max=3), Multi(EIGHTEEN, n=2)])
def test_no_degradation_is_what_one_transform_or_none_does(degradation: Multi | Random) -> None:
    rng = np.random.default_rng(0)
    drawn = [tuple(degradation.sample(rng).labels) for _ in range(150)]
    assert not [labels for labels in drawn if len(labels) != 1 and pixels(labels) in what_one_or_none_does((0, 1))]


def test_adjustments_and_transforms_of_ones_own_are_looked_for_among_those_at_hand() -> None:
    class Negative(Transform):
        label = "negative"
        advice = "Turn it over."

        def __call__(self, photo: Photo) -> Photo:
            return 255 - photo

    brighter = (by_label("invert_all"), by_label("brightness_down"), Negative())
    assert reduces(brighter)
    assert reduces((Negative(), Negative()))
    assert reduces((Negative(),), among=[by_label("invert_all")]) is False
    assert reduces((Adjust("contrast", 0), by_label("gamma_up")))


def test_what_was_decided_once_is_remembered() -> None:
    """Episodes degrade photos as they begin: what a recipe does is looked at the first time only."""
    recipe = Recipe.of(["blur_box_5", "vibrance", "gamma_down"])
    assert not recipe.reduces
    asked = _same_as_fewer.cache_info().misses
    assert not Recipe.of(recipe.labels).reduces
    assert _same_as_fewer.cache_info().misses == asked
