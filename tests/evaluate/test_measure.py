"""Measures beside the score, and the parts of a mixed juror."""

import numpy as np
import pytest

from apsi.evaluate.measure import clipped, distance, measures_for, saturation
from apsi.juror.mix import Mix
from tests.worker_pool.fragile import Fragile


def test_measures_of_known_photos() -> None:
    photo = np.full((2, 2, 3), 100, np.uint8)
    photo[0, 0] = (255, 255, 0)
    photo[0, 1] = (100, 50, 50)
    black = np.zeros((4, 4, 3), np.uint8)
    assert clipped([photo, black], [photo, photo]).tolist() == [0.25, 1]
    assert saturation([photo, black], [photo, photo]).tolist() == [pytest.approx((1 + 0.5) / 4), 0]
    assert distance([photo, black], [photo, black]).tolist() == [0, 0]
    assert distance([black], [np.full((2, 2, 3), 51, np.uint8)]).tolist() == [0.2]


def test_each_part_of_a_mixed_juror_is_measured_by_its_name() -> None:
    mix = Mix({"a": Fragile(), "b": Fragile()}, {"a": 1, "b": 3})
    measures = measures_for(mix, Fragile(), cache=10)
    assert list(measures) == ["clipped", "saturation", "distance", "juror a", "juror b", "juror second"]
    photo = np.full((2, 2, 3), 51, np.uint8)
    assert measures["juror b"]([photo], [photo]).tolist() == [2]
    assert list(measures_for(Fragile(), None, cache=10)) == ["clipped", "saturation", "distance"]
