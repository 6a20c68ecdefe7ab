"""What is measured of a photo means what it says."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo import Photo
from apsi.photo.measures import SIDE, measure
from tests.analyse.conftest import usual


def gray(value: int) -> Photo:
    return np.full((20, 30, 3), value, np.uint8)


@pytest.mark.parametrize(("value", "lightness"), [(0, 0.0), (119, 50.0), (255, 100.0)])
def test_lightness_is_that_of_cielab(value: int, lightness: float) -> None:
    found = measure(gray(value))
    assert found.lightness == pytest.approx(lightness, abs=0.3)
    assert (found.spread, found.blur) == (pytest.approx(0), 1.0)
    assert found.deviation == pytest.approx(0, abs=1e-3)


def test_spread_leaves_out_the_darkest_and_the_lightest_twentieth() -> None:
    photo = np.full((100, 100, 3), 119, np.uint8)
    photo[:4], photo[-4:] = 0, 255
    assert measure(photo).spread == pytest.approx(0)
    photo[:20], photo[-20:] = 0, 255
    assert measure(photo).spread == pytest.approx(100, abs=0.1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_softer_a_photo_the_larger_its_blur_and_mirroring_changes_nothing(seed: int) -> None:
    photo = usual(seed)
    found = [measure(cv2.GaussianBlur(photo, (0, 0), sigma).astype(np.uint8)).blur for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert found == sorted(found) and found[0] < 0.5 < found[-1] <= 1
    mirrored, whole = measure(np.ascontiguousarray(photo[:, ::-1])), measure(photo)
    assert vars(mirrored) == pytest.approx(vars(whole), rel=1e-3)


def test_shake_in_one_direction_is_blur() -> None:
    photo = usual(1)
    shaken = cv2.blur(photo, (15, 1)).astype(np.uint8)
    assert measure(shaken).blur > 2 * measure(photo).blur


def test_large_photos_are_measured_small() -> None:
    photo = cv2.resize(usual(2), (SIDE, SIDE * 3 // 4), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    large = np.repeat(np.repeat(photo, 3, axis=0), 3, axis=1)
    assert vars(measure(large)) == pytest.approx(vars(measure(photo)), rel=1e-6)
