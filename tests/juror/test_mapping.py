"""Mappings: where the quantiles of a model's values go, in both directions, and what is said where nothing is given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.juror.mapping import Linear, Logistic, unset

VALUES = np.random.default_rng(0).normal(-20, 9, 400)


@pytest.mark.parametrize("higher", [True, False])
def test_a_fitted_mapping_spreads_the_values_over_the_scale(higher: bool) -> None:
    for kind, share, score in ((Logistic, 0.25, 2.5), (Linear, 0.05, 1.0)):
        scores = np.sort(kind.fitted(VALUES, higher)(VALUES))
        np.testing.assert_allclose(np.quantile(scores, [share, 1 - share]), [score, 10 - score], atol=0.05)
        low, high = kind.fitted(VALUES, higher)(np.array([-30.0, -10.0]))
        assert (low < high) == higher


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40, unique=True), st.booleans())
def test_any_values_get_a_mapping_that_keeps_their_order(values: list[float], higher: bool) -> None:
    ordered = np.sort(np.array(values, dtype=np.float64))
    for kind in (Logistic, Linear):
        scores = kind.fitted(ordered, higher)(ordered)
        assert ((scores >= 0) & (scores <= 10)).all()
        assert (np.diff(scores if higher else -scores) >= 0).all()
        assert np.ptp(scores) > 1


@pytest.mark.parametrize("kind", [Logistic, Linear])
def test_rounding_of_the_values_changes_nothing(kind: type[Logistic] | type[Linear]) -> None:
    noise = np.random.default_rng(1).normal(0, 1e-7, VALUES.shape)
    assert kind.fitted(VALUES, True) == kind.fitted(VALUES + noise, True)


def test_a_mapping_without_values_says_so_instead_of_scoring() -> None:
    assert unset(Logistic(None, 2.0)) == ["centre"]
    assert unset(Linear(None, None)) == ["worst", "best"]
    assert unset(Linear(0.0, 1.0)) == []
    for mapping in (Logistic(None, 2.0), Linear(1.0, None)):
        with pytest.raises(ApsiError, match=r"task=calibrate_juror"):
            mapping(np.zeros(1))
