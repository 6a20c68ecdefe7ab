"""Several jurors as one: the weighted mean of their scores, fitted and stored together."""

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.juror.framed import FramedPhoto
from apsi.juror.mix import Mix
from apsi.juror.naturalness import Naturalness
from apsi.juror.parameters import pack_parameters, unpack_parameters
from tests.conftest import Redness, natural_photo

PHOTOS = [natural_photo(seed) for seed in range(8)]


def fitted() -> Mix:
    mix = Mix({"natural": Naturalness(), "red": Redness()}, {"natural": 3.0, "red": 1.0})
    assert not mix.is_fitted
    mix.fit(PHOTOS)
    assert mix.is_fitted
    return mix


def test_the_score_is_the_weighted_mean_of_the_parts() -> None:
    mix = fitted()
    parts = mix.parts([FramedPhoto(photo) for photo in PHOTOS])
    assert set(parts) == {"natural", "red"}
    np.testing.assert_allclose(mix.score(PHOTOS), 0.75 * parts["natural"] + 0.25 * parts["red"])


def test_what_was_fitted_is_carried_to_another_mix() -> None:
    mix, other = fitted(), Mix({"natural": Naturalness(), "red": Redness()}, {"natural": 6.0, "red": 2.0})
    packed = pack_parameters(mix)
    assert packed is not None
    unpack_parameters(packed, other, "here")
    assert other.fingerprint == mix.fingerprint
    assert other.score(PHOTOS).tolist() == mix.score(PHOTOS).tolist()


def test_a_mix_warms_its_jurors_up_and_is_as_tolerant_as_they_are() -> None:
    class Warm(Redness):
        tolerance = 0.04
        is_warm = False

        def warm_up(self) -> None:
            self.is_warm = True

    warm = Warm()
    mix = Mix({"a": Redness(), "b": warm}, {"a": 3.0, "b": 1.0})
    mix.warm_up()
    assert warm.is_warm
    assert mix.tolerance == pytest.approx(0.01)


def test_weights_and_parts_change_the_fingerprint() -> None:
    first, second = (Mix({"a": Redness(), "b": Redness()}, {"a": 1.0, "b": weight}) for weight in (1.0, 2.0))
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize("weights", [{"a": 1.0}, {"a": 1.0, "c": 1.0}, {"a": -1.0, "b": 2.0}, {"a": 0.0, "b": 0.0}])
def test_weights_that_do_not_fit_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ApsiError, match=r"mix|weights"):
        Mix({"a": Redness(), "b": Redness()}, weights)


def test_parts_are_set_on_the_command_line() -> None:
    named = ["juror=mix", "juror.jurors.onnx.path=model.onnx", "juror.jurors.onnx.mapping.scale=2"]
    config = load_config([*named, "juror.weights.onnx=2"])
    assert config.juror.jurors.onnx.path == "model.onnx"
    assert config.juror.jurors.onnx.mapping.scale == 2
