"""Left, tie and right by a difference of utilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad

from apsi.juror.davidson import LEFT, RIGHT, TIE, curvature, probabilities

MARGINS = st.floats(-60, 60)


@given(st.lists(MARGINS, min_size=1, max_size=20), st.floats(-20, 10))
def test_swapping_sides_swaps_the_probabilities_exactly(margins: list[float], log_ties: float) -> None:
    found, swapped = (probabilities(sign * np.array(margins), log_ties) for sign in (1, -1))
    assert np.array_equal(found, swapped[:, ::-1])
    assert np.allclose(found.sum(axis=1), 1) and (found >= 0).all()
    assert (np.sign(found[:, LEFT] - found[:, RIGHT]) * np.sign(margins) >= 0).all()


def test_they_are_those_of_davidson() -> None:
    # d = ln 4, nu = 1: 2 : 1 : 1/2
    assert probabilities(np.log([4.0]), 0.0) == pytest.approx(np.array([[4, 2, 1]]) / 7)
    assert probabilities(np.zeros(1), np.log(2.0))[0, TIE] == pytest.approx(2 / (2 + 2))


@given(MARGINS.filter(lambda m: abs(m) < 12), st.floats(-3, 3), st.sampled_from(range(3)))
def test_slopes_are_those_of_the_loss(margin: float, log_ties: float, said: int) -> None:
    told = np.eye(3)[[said]]

    def loss(x: np.ndarray) -> float:
        return float(curvature(x[:1], float(x[1]), told).loss[0])

    def slope(x: np.ndarray) -> np.ndarray:
        at = curvature(x[:1], float(x[1]), told)
        return np.array([at.by_margin[0], at.by_ties[0]])

    assert check_grad(loss, slope, np.array([margin, log_ties])) < 1e-5

    def by_margin(x: np.ndarray) -> float:
        return float(slope(x)[0])

    def second(x: np.ndarray) -> np.ndarray:
        at = curvature(x[:1], float(x[1]), told)
        return np.array([at.margin_margin[0], at.margin_ties[0]])

    assert check_grad(by_margin, second, np.array([margin, log_ties])) < 1e-5
