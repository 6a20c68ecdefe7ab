"""Adjustments of any strength: labels, advice, direction, and the formulas at full strength."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.catalogue import by_label, catalogue

STRENGTHS = [-1.0, -0.7, -0.35, -0.1, 0.0, 0.1, 0.35, 0.7, 1.0]


def pixel(*values: int) -> Photo:
    return np.array([[values]], np.uint8)


@given(st.sampled_from(ADJUSTMENTS), st.floats(-1, 1))
def test_the_label_leads_back_to_the_same_adjustment(name: str, strength: float) -> None:
    adjustment = Adjust(name, strength)
    assert by_label(adjustment.label) == adjustment
    assert adjustment.strength == pytest.approx(strength, abs=0.0005001)


@given(st.sampled_from(ADJUSTMENTS), st.floats(-1, 1), st.floats(-1, 1))
def test_labels_are_equal_exactly_where_adjustments_are(name: str, a: float, b: float) -> None:
    assert (Adjust(name, a).label == Adjust(name, b).label) == (Adjust(name, a) == Adjust(name, b))


def test_a_strength_of_any_number_type_is_the_same() -> None:
    """An action of a neural network comes as float32, whose 0.35 is not Python's."""
    assert Adjust("gamma", np.float32(0.35)) == Adjust("gamma", 0.35)
    assert Adjust("gamma", np.float32(0.35)).label == "gamma(+0.350)"
    assert type(Adjust("gamma", np.float32(0.35)).strength) is float
    assert Adjust("gamma", 1).label == "gamma(+1.000)"
    assert Adjust("gamma", -0.0001).label == "gamma(+0.000)"


@pytest.mark.parametrize("strength", [1.0001, -2.0, float("inf"), float("nan")])
def test_a_strength_out_of_range_is_an_error_that_names_it(strength: float) -> None:
    with pytest.raises(ApsiError, match=rf"the strength of tint is {strength}, it must be in \[-1, 1\]"):
        Adjust("tint", strength)


def test_an_unknown_adjustment_names_the_closest_and_all() -> None:
    with pytest.raises(ApsiError, match=r"Did you mean 'contrast'\? Known: exposure, contrast, ") as caught:
        Adjust("contras", 0.5)
    assert all(name in str(caught.value) for name in ADJUSTMENTS)


@pytest.mark.parametrize("label", ["exposure", "exposure(0.35)", "exposure(+0.35)", "exposure(+0.3500)", "gamma()"])
def test_a_label_written_otherwise_is_an_error_that_shows_how(label: str) -> None:
    with pytest.raises(ApsiError, match=r"unknown transform .*written as in exposure\(\+0\.350\): ") as caught:
        by_label(label)
    assert all(name in str(caught.value) for name in ADJUSTMENTS)


@pytest.mark.parametrize(
    ("name", "strength", "before", "after"),
    [
        ("exposure", 1, (0, 100, 188), (0, 138, 255)),
        ("exposure", -1, (0, 188, 255), (0, 137, 188)),
        ("contrast", 1, (0, 100, 200), (0, 72, 255)),
        ("contrast", -1, (0, 100, 255), (64, 114, 191)),
        ("saturation", -1, (200, 100, 50), (200, 200, 200)),
        ("saturation", 1, (200, 150, 150), (200, 100, 100)),
        ("vibrance", 1, (200, 150, 150), (200, 113, 113)),
        ("temperature", 1, (100, 100, 100), (125, 100, 75)),
        ("temperature", -1, (100, 100, 100), (75, 100, 125)),
        ("tint", 1, (100, 100, 100), (100, 80, 100)),
        ("tint", -1, (100, 100, 100), (100, 120, 100)),
        ("gamma", 1, (0, 64, 255), (0, 128, 255)),
        ("gamma", -1, (0, 64, 255), (0, 16, 255)),
    ],
)
def test_full_strength_is_what_the_formula_says(
    name: str, strength: float, before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    assert Adjust(name, strength)(pixel(*before))[0, 0].tolist() == pytest.approx(after, abs=1)


def measure(name: str, photo: Photo) -> float:
    """What an adjustment of this name raises."""
    values = photo.astype(float)
    means = values.mean(axis=(0, 1))
    if name in ("exposure", "gamma"):
        return float(means.mean())
    if name == "contrast":
        return float(values.std(axis=(0, 1)).mean())
    if name in ("saturation", "vibrance"):
        return float((values.max(axis=2) - values.min(axis=2)).mean())
    if name == "temperature":
        return float(means[0] - means[2])
    if name == "tint":
        return float((means[0] + means[2]) / 2 - means[1])
    return float(np.abs(np.diff(values, axis=1)).mean())


@pytest.mark.parametrize("name", ADJUSTMENTS)
def test_the_more_strength_the_more_effect(name: str) -> None:
    rng = np.random.default_rng(0)
    photo = (rng.integers(70, 150, (128, 128, 1)) + rng.integers(0, 30, (128, 128, 3))).astype(np.uint8)
    measured = [measure(name, Adjust(name, strength)(photo)) for strength in STRENGTHS]
    assert measured == sorted(measured)
    assert len(set(measured)) == len(measured)


@pytest.mark.parametrize(
    ("label", "advice"),
    [
        ("exposure(+0.500)", "Open up the exposure by half a stop."),
        ("exposure(-1.000)", "Take the exposure back by a full stop."),
        ("exposure(-0.350)", "Take the exposure back by a third of a stop."),
        ("temperature(+0.300)", "Warm up the light a little."),
        ("temperature(-0.900)", "Cool down the light a lot."),
        ("tint(+0.100)", "Shift the tint to magenta by a touch."),
        ("blur_sharpen(-0.600)", "Soften it clearly."),
        ("blur_sharpen(+0.000)", "Leave the sharpness as it is."),
    ],
)
def test_the_advice_follows_sign_and_strength(label: str, advice: str) -> None:
    assert by_label(label).advice == advice


def test_the_advice_differs_between_adjustments_and_directions() -> None:
    advice = [Adjust(name, sign * strength).advice for name in ADJUSTMENTS for sign in (-1, 1) for strength in (0.3, 1)]
    assert len(set(advice)) == len(advice)


def test_the_catalogue_is_finite_and_has_no_adjustments() -> None:
    assert not any(isinstance(transform, Adjust) for transform in catalogue().values())
