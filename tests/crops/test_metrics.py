"""Measures of crops: cases that can be followed by hand, and what holds for all boxes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from apsi.crops.metrics import (
    accuracy,
    displacement,
    linear_correlation,
    overlap,
    rank_correlation,
    weighted_accuracy,
)
from apsi.photo import Floats

WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]])
share = st.integers(0, 1000).map(lambda n: n / 1000)


@st.composite
def boxes(draw: st.DrawFn) -> Floats:
    """`(1, 4)`."""
    x1, x2 = sorted(draw(st.lists(share, min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(draw(st.lists(share, min_size=2, max_size=2, unique=True)))
    return np.array([[x1, y1, x2, y2]])


def test_overlap_by_hand() -> None:
    left, right = np.array([[0, 0, 2, 2]]), np.array([[1, 1, 3, 3]])
    assert overlap(left, right)[0] == pytest.approx(1 / 7)
    assert overlap(left, np.array([[2, 0, 4, 2]]))[0] == 0
    assert overlap(WHOLE, np.array([[0.25, 0.25, 0.75, 0.75]]))[0] == 0.25


def test_displacement_by_hand() -> None:
    assert displacement(WHOLE, np.array([[0.1, 0.0, 0.9, 0.8]]))[0] == pytest.approx(0.1)
    assert displacement(WHOLE, WHOLE)[0] == 0


@given(boxes(), boxes())
def test_both_are_symmetric_and_bounded(one: Floats, other: Floats) -> None:
    for measure in (overlap, displacement):
        assert measure(one, other)[0] == pytest.approx(measure(other, one)[0])
        assert 0 <= measure(one, other)[0] <= 1
    assert overlap(one, one)[0] == pytest.approx(1)
    assert displacement(one, one)[0] == 0
    assert (displacement(one, other)[0] == 0) == np.array_equal(one, other)


@given(boxes(), boxes(), st.floats(0.01, 5000), st.floats(0.01, 5000))
def test_overlap_does_not_depend_on_the_unit(one: Floats, other: Floats, width: float, height: float) -> None:
    sides = np.array([width, height, width, height])
    assert overlap(one * sides, other * sides)[0] == pytest.approx(overlap(one, other)[0], abs=1e-9)


def test_correlations_leave_out_what_nobody_scored_and_say_where_there_is_none() -> None:
    scores = np.array([1.0, 2.0, np.nan, 4.0])
    assert rank_correlation(np.array([1.0, 5.0, 9.0, 6.0]), scores) == pytest.approx(1)
    assert rank_correlation(np.array([6.0, 5.0, 0.0, 1.0]), scores) == pytest.approx(-1)
    assert linear_correlation(2 * np.nan_to_num(scores) + 1, scores) == pytest.approx(1)
    for measure in (rank_correlation, linear_correlation):
        assert math.isnan(measure(np.ones(4), scores))
        assert math.isnan(measure(np.arange(4.0), np.full(4, 3.0)))
        assert math.isnan(measure(np.arange(2.0), np.array([1.0, np.nan])))


def test_accuracy_by_hand() -> None:
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    predicted = np.array([1.0, 9.0, 2.0, 3.0, 0.0, 8.0])  # returns the second, the last, the fourth, the third
    assert [accuracy(predicted, scores, k, 2) for k in (1, 2, 3, 4)] == [1, 1 / 2, 1 / 3, 1 / 4]
    assert accuracy(predicted, scores, 4, 3) == 2 / 4
    assert accuracy(np.array([0.0, 1.0, 0.0]), np.array([3.0, 2.0, 2.0]), 1, 2) == 1  # as good as the second best


def test_weighted_accuracy_by_hand() -> None:
    scores = np.arange(10.0)[::-1]
    assert weighted_accuracy(scores, scores, 4, 5) == 1
    third = np.zeros(10)
    third[2] = 1.0  # returned first, third by people
    assert weighted_accuracy(third, scores, 1, 5) == pytest.approx(math.exp(-0.2 * 2))
    assert weighted_accuracy(third, scores, 1, 10) == pytest.approx(math.exp(-0.1 * 2))
    third_and_best = third.copy()
    third_and_best[0] = 0.5  # ranks 0 and 2 among people, 0 and 1 among the answers, whichever came first
    assert weighted_accuracy(third_and_best, scores, 2, 5) == pytest.approx((1 + math.exp(-0.2)) / 2)
    seventh = np.zeros(10)
    seventh[6] = 1.0
    assert weighted_accuracy(seventh, scores, 1, 5) == 0
    assert weighted_accuracy(seventh, scores, 1, 10) == pytest.approx(math.exp(-0.6))


values = arrays(np.float64, 12, elements=st.integers(0, 6).map(float))


@given(values, values, st.integers(1, 4), st.sampled_from([5, 10]))
def test_accuracies_are_bounded_and_know_only_ranks(
    predicted: Floats, scores: Floats, returned: int, best: int
) -> None:
    predicted = predicted + np.linspace(0, 0.5, 12)  # no ties, which go by order
    plain, weighted = (measure(predicted, scores, returned, best) for measure in (accuracy, weighted_accuracy))
    assert 0 <= weighted <= plain <= 1
    for measure, value in ((accuracy, plain), (weighted_accuracy, weighted)):
        assert measure(3 * predicted + 1, 2 * scores - 5, returned, best) == value
        order = np.random.default_rng(0).permutation(12)
        assert measure(predicted[order], scores[order], returned, best) == pytest.approx(value)
        assert measure(scores + np.linspace(0, 0.5, 12), scores, returned, best) == pytest.approx(1)


def test_too_few_scored_crops_are_an_error() -> None:
    scores = np.array([1.0, np.nan, 3.0])
    for measure in (accuracy, weighted_accuracy):
        with pytest.raises(ValueError, match=r"Acc_1/5 needs 5 crops with a score, not 2"):
            measure(np.arange(3.0), scores, 1, 5)
