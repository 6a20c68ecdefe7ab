"""Photographic flaws: what their labels say is what they do, again and at any size."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.resample import resample
from apsi.transform.catalogue import by_label
from apsi.transform.flaws import FLAWS, Flaw, light_gains, read_noise
from apsi.transform.lighting import BYTES_IN_LINEAR_LIGHT, exposure_table
from tests.conftest import natural_photo

STRONG = {
    "exposure_error": (-1.5,),
    "white_balance_error": (70, 0.01),
    "haze": (0.6, 0.9),
    "sensor_noise": (0.01, 0.0002),
    "defocus": (1.5,),
    "motion_blur": (6, 30),
    "jpeg": (20,),
}
NEUTRAL = {
    "exposure_error": (0,),
    "white_balance_error": (0, 0),
    "haze": (1, 0.8),
    "sensor_noise": (0, 0),
    "defocus": (0,),
    "motion_blur": (0, 45),
}


def grey(value: int, side: int = 64) -> Photo:
    return np.full((side, side, 3), value, np.uint8)


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_changes_a_photo_replays_from_its_label_and_leaves_its_input(name: str) -> None:
    photo = natural_photo(0, 128, 96)
    before, flaw = photo.copy(), Flaw(name, STRONG[name])
    once = flaw(photo)
    assert by_label(flaw.label) == flaw
    assert (by_label(flaw.label)(photo) == once).all() and (once != photo).any()
    assert (photo == before).all() and once.shape == photo.shape
    assert flaw.advice.endswith(".")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FLAWS), st.data())
def test_any_numbers_in_range_survive_their_label(name: str, data: st.DataObject) -> None:
    ranges = {
        "exposure_error": [(-3, 3)],
        "white_balance_error": [(-80, 250), (-0.03, 0.03)],
        "haze": [(0.2, 1), (0.5, 1)],
        "sensor_noise": [(0, 0.05), (0, 0.01)],
        "defocus": [(0, 8)],
        "motion_blur": [(0, 32), (0, 180)],
        "jpeg": [(1, 100)],
    }[name]
    flaw = Flaw(name, tuple(data.draw(st.floats(low, high)) for low, high in ranges))
    assert by_label(flaw.label) == flaw


@pytest.mark.parametrize(("name", "numbers"), NEUTRAL.items())
def test_without_strength_nothing_changes(name: str, numbers: tuple[float, ...]) -> None:
    photo = natural_photo(0)
    assert (Flaw(name, numbers)(photo) == photo).all()


def test_an_exposure_error_is_stops_of_linear_light_and_clips() -> None:
    photo = natural_photo(0)
    assert (Flaw("exposure_error", (1.0,))(photo) == exposure_table(1.0)[photo]).all()
    assert (Flaw("exposure_error", (3.0,))(grey(200)) == 255).all()


def test_underexposure_halves_the_light_and_lifting_it_again_shows_noise() -> None:
    dark = Flaw("exposure_error", (-1.5,))(grey(128, 128))
    light = BYTES_IN_LINEAR_LIGHT[dark].mean() / BYTES_IN_LINEAR_LIGHT[128]
    assert light == pytest.approx(2**-1.5, rel=0.02)
    lifted = exposure_table(1.5)[dark]
    assert dark.std() > 0.5 and lifted.std() > 1.5 * dark.std()


def test_noise_has_the_variance_that_its_label_says_and_is_the_same_for_the_same_photo() -> None:
    shot, read = 0.004, 0.0001
    photo = grey(188, 256)
    noisy = Flaw("sensor_noise", (shot, read))(photo)
    light = BYTES_IN_LINEAR_LIGHT[noisy]
    assert light.var() == pytest.approx(shot * BYTES_IN_LINEAR_LIGHT[188] + read, rel=0.05)
    assert (Flaw("sensor_noise", (shot, read))(photo) == noisy).all()
    other = photo.copy()
    other[0, 0] = 0
    assert (Flaw("sensor_noise", (shot, read))(other) != noisy)[1:].mean() > 0.5
    assert read_noise(0.01) == pytest.approx(np.exp(2.18 * np.log(0.01) + 1.2))


def test_a_warmer_light_has_more_red_and_less_blue_at_equal_luminance_and_duv_is_green() -> None:
    for mired in (-70, -20, 20, 70, 200):
        r, g, b = light_gains(mired, 0)
        assert (r - b) * mired > 0
        assert 0.2126 * r + 0.7152 * g + 0.0722 * b == pytest.approx(1)
    assert light_gains(0, 0) == pytest.approx((1, 1, 1))
    assert light_gains(0, 0.01)[1] > 1 > light_gains(0, -0.01)[1]
    r, g, b = light_gains(1e6 / 2856 - 1e6 / 6504, 0)  # CIE illuminant A
    assert (r / g, b / g) == pytest.approx((2.12, 0.268), rel=0.03)


def test_haze_takes_contrast_and_leaves_the_airlight() -> None:
    hazy = Flaw("haze", (0.5, 1.0))
    low, high = int(hazy(grey(0))[0, 0, 0]), int(hazy(grey(255))[0, 0, 0])
    assert BYTES_IN_LINEAR_LIGHT[low] == pytest.approx(0.5, abs=0.01) and high == 255


@pytest.mark.parametrize(("name", "numbers"), [("defocus", (3.0,)), ("motion_blur", (8.0, 0.0))])
def test_blur_keeps_the_light_and_spreads_a_point_as_far_as_it_says(name: str, numbers: tuple[float, ...]) -> None:
    photo = grey(0, 129)
    photo[64, 64] = 255
    light = BYTES_IN_LINEAR_LIGHT[Flaw(name, numbers)(photo)][..., 0]
    assert light.sum() == pytest.approx(1, rel=0.05)
    ys, xs = np.nonzero(light > light.max() / 3)
    assert np.ptp(xs) + 1 == pytest.approx(2 * numbers[0] if name == "defocus" else numbers[0], abs=1.5)
    assert np.ptp(ys) + 1 == pytest.approx(2 * numbers[0] if name == "defocus" else 1, abs=1.5)


@pytest.mark.parametrize(
    "label",
    [
        "exposure_error(-1.20)",
        "white_balance_error(+60,+0.0050)",
        "haze(0.700,0.90)",
        "defocus(1.50)",
        "motion_blur(5.00,30)",
    ],
)
def test_a_flaw_is_the_same_at_another_size(label: str) -> None:
    large = cv2.GaussianBlur(natural_photo(0, 384, 512), (0, 0), 3)
    flaw = by_label(label)
    small = resample(large, 171, 128)
    expected = flaw(small).astype(int)
    assert np.abs(resample(flaw(large), 171, 128) - expected).mean() < 0.25 * np.abs(small - expected).mean()


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("haze(0.7)", r"must be written haze\(transmission,airlight\)"),
        ("exposure_error(+9.00)", r"stops=9.0 must be in \[-3, 3\]"),
        ("jpeg(0)", r"quality=0.0 must be in \[1, 100\]"),
        ("jpeg(1.2.3)", "unknown transform"),
        ("jpg(30)", "Did you mean 'jpeg'"),
        ("defocus(nan)", "unknown transform"),
    ],
)
def test_a_label_that_can_not_be_is_one_clear_error(label: str, says: str) -> None:
    with pytest.raises(ApsiError, match=says):
        by_label(label)
