"""A mapping from values: the direction comes from degraded copies, and what can't be told is said."""

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.juror.mapping import Linear, Logistic
from apsi.juror.proposal import propose

RNG = np.random.default_rng(0)
PHOTOS, DEGRADED = RNG.normal(3, 1, 200), RNG.normal(0, 1, 200)


@pytest.mark.parametrize("kind", [Logistic, Linear])
@pytest.mark.parametrize("sign", [1, -1])
def test_better_is_where_the_photos_lie(kind: type[Logistic] | type[Linear], sign: int) -> None:
    found = propose(kind, sign * PHOTOS, sign * DEGRADED)
    assert found.higher_is_better == (sign == 1)
    assert found.preferred is not None and found.preferred > 0.95
    assert found.warnings == ()
    assert np.median(found.mapping(sign * PHOTOS)) > np.median(found.mapping(sign * DEGRADED)) + 3


def test_a_direction_that_cannot_be_told_is_a_guess_and_says_so() -> None:
    for degraded in (PHOTOS[::-1], np.empty(0)):
        found = propose(Logistic, PHOTOS, degraded)
        (warning,) = found.warnings
        assert "guess" in warning and "sign of juror.mapping.scale" in warning


@pytest.mark.parametrize("value", [0.0, 1e-9, 7.0, -1e6])
def test_values_that_are_all_the_same_are_an_error(value: float) -> None:
    with pytest.raises(ApsiError, match=r"for each of 40 pictures; juror.size, juror.mean"):
        propose(Logistic, np.full(20, value), np.full(20, value))


def test_values_that_are_mostly_the_same_are_a_warning() -> None:
    mostly = np.where(np.arange(100) < 90, 1.0, np.linspace(0, 0.5, 100))
    found = propose(Linear, mostly, mostly - 0.5 * (mostly == 1))
    assert any("saturated" in warning for warning in found.warnings)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_an_error(bad: float) -> None:
    with pytest.raises(ApsiError, match=rf"gives {bad}"):
        propose(Logistic, np.array([1.0, bad]), np.empty(0))
