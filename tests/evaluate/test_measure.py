"""Measures beside the score, and the parts of a mixed juror."""

import numpy as np
import pytest

from apsi.env.edit_state import PixelEdits
from apsi.evaluate.measure import clipped, distance, juror_measures, saturation, warmth
from apsi.juror.mix import Mix
from apsi.transform.action_set import DiscreteActions
from tests.conftest import LABELS
from tests.worker_pool.fragile import Fragile


def test_measures_of_known_photos() -> None:
    photo = np.full((2, 2, 3), 100, np.uint8)
    photo[0, 0] = (255, 255, 0)
    photo[0, 1] = (100, 50, 50)
    black = np.zeros((4, 4, 3), np.uint8)
    assert clipped([photo, black], [photo, photo]).tolist() == [0.25, 1]
    assert warmth([photo, photo[..., ::-1]], [photo, photo]) == pytest.approx(
        np.array([1, -1]) * (photo[..., 0].mean() - photo[..., 2].mean()) / 255
    )
    assert saturation([photo, black], [photo, photo]).tolist() == [pytest.approx((1 + 0.5) / 4), 0]
    assert distance([photo, black], [photo, black]).tolist() == [0, 0]
    assert distance([black], [np.full((2, 2, 3), 51, np.uint8)]).tolist() == [0.2]


def test_each_part_of_a_mixed_juror_is_measured_by_its_name() -> None:
    mix = Mix({"a": Fragile(), "b": Fragile()}, {"a": 1, "b": 3})
    measures = juror_measures(mix, Fragile(), cache=10)
    assert list(measures) == ["juror a", "juror b", "juror second"]
    edit = PixelEdits.begin(np.full((2, 2, 3), 51, np.uint8), DiscreteActions(LABELS), (36, 36))
    assert measures["juror b"]([edit], []).tolist() == [2]
    assert not juror_measures(Fragile(), None, cache=10)
