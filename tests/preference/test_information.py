"""What an answer would tell: nothing where the model is sure, most where it is in doubt and can't say which."""

import numpy as np

from apsi.preference.information import information
from tests.preference.fitted import crops, fitted_juror


def test_what_is_known_for_sure_tells_nothing_and_swapping_sides_changes_nothing() -> None:
    juror, shown = fitted_juror(), crops(3)
    left, right = shown[:3], shown[3:]
    gained = information(juror, left, right)
    assert gained.shape == (3,) and (gained >= 0).all()
    assert np.allclose(gained, information(juror, right, left), rtol=1e-9)
    assert np.allclose(information(juror, left, left), 0, atol=1e-9), "a version against itself"


def test_of_two_pairs_as_close_the_one_in_more_doubt_tells_more() -> None:
    juror, shown = fitted_juror(), crops(5)

    class Doubtful:
        fitted = juror.fitted

        def utility(self, some: list[object]) -> np.ndarray:
            return np.zeros(len(some))

        def doubt(self, left: list[object], right: list[object]) -> np.ndarray:
            return np.array([0.1, 1.0, 3.0])

    gained = information(Doubtful(), shown[:3], shown[3:])  # type: ignore[arg-type]
    assert 0 < gained[0] < gained[1] < gained[2] < np.log(3)
