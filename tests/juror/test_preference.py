"""A juror that was fitted on answers: antisymmetric, not inverted, the same after it was saved, nothing else's file."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.juror.attention import Attention
from apsi.juror.base import Parameters
from apsi.juror.framed import FramedPhoto
from apsi.juror.naturalness import Naturalness
from apsi.juror.none import NoJuror
from apsi.juror.parameters import pack_parameters, save_parameters, unpack_parameters
from apsi.juror.preference import Preference
from tests.conftest import natural_photo
from tests.preference.fitted import crops, fitted_juror

ATTENTION = Attention(dict.fromkeys(("kept", "uncut", "filled", "placed"), 1.0), False)


def test_whoever_prefers_the_larger_has_the_larger_score_higher() -> None:
    shown = crops(99)
    areas = np.array([one.box.area for one in shown])
    larger, smaller = (fitted_juror(sign=sign).score_framed(shown) for sign in (1, -1))
    assert np.corrcoef(areas, larger)[0, 1] > 0.7 and np.corrcoef(areas, smaller)[0, 1] < -0.7
    assert ((larger >= 0) & (larger <= 10)).all() and np.ptp(larger) > 2


def test_chances_swap_with_the_sides_and_follow_the_scores() -> None:
    juror, shown = fitted_juror(), crops(98)
    left, right = shown[:3], shown[3:]
    chances = juror.chances(left, right)
    assert np.array_equal(chances, juror.chances(right, left)[:, ::-1])
    assert np.array_equal(chances[:, 0] > chances[:, 2], juror.score_framed(left) > juror.score_framed(right))
    doubt = juror.doubt(left, right)
    assert np.allclose(doubt, juror.doubt(right, left)) and (doubt >= 0).all() and doubt.max() > 0


@pytest.mark.parametrize("prior", [None, NoJuror(), ATTENTION])
def test_what_is_saved_scores_the_same_bit_for_bit(prior: Any, tmp_path: Path) -> None:
    juror, shown = fitted_juror(prior, groups=("box", "attention", "colour")), crops(97)
    save_parameters(tmp_path / "preference.npz", juror)
    again = Preference(str(tmp_path / "preference.npz"), prior)
    assert again.is_fitted and again.fingerprint == juror.fingerprint
    assert np.array_equal(again.score_framed(shown), juror.score_framed(shown))
    assert again.score_framed(shown[2:3])[0] == juror.score_framed(shown)[2]
    assert np.array_equal(pickle.loads(pickle.dumps(again)).score_framed(shown), juror.score_framed(shown))
    assert again.sees_frame and set(again.parts(shown)) == {"prior", "box", "attention", "colour"}


def test_a_prior_that_was_fitted_itself_is_in_the_file(tmp_path: Path) -> None:
    prior = Naturalness()
    prior.fit([natural_photo(seed) for seed in range(6)])
    juror, shown = fitted_juror(prior, groups=("colour",)), crops(96)
    save_parameters(tmp_path / "preference.npz", juror)
    again = Preference(str(tmp_path / "preference.npz"), Naturalness())
    assert np.array_equal(again.score_framed(shown), juror.score_framed(shown)) and not again.sees_frame


def test_a_checkpoint_needs_no_file() -> None:
    juror = fitted_juror()
    packed = pack_parameters(juror)
    assert packed is not None
    other = Preference("/nowhere/preference.npz", None)
    assert not other.is_fitted and other.sees_frame
    with pytest.raises(
        ApsiError, match=r"juror=preference, /nowhere/preference.npz, is not there: make it .* task=fit_preference"
    ):
        other.score([natural_photo(1)])
    with pytest.raises(ApsiError, match="is not there"):
        other.fit([natural_photo(1)])
    unpack_parameters(packed, other, "the checkpoint")
    assert other.fingerprint == juror.fingerprint


def test_fingerprints_tell_models_apart() -> None:
    found = {fitted_juror().fingerprint, fitted_juror(sign=-1).fingerprint, fitted_juror(NoJuror()).fingerprint}
    assert len(found) == 3 and fitted_juror().fingerprint == fitted_juror().fingerprint


def test_another_prior_is_refused() -> None:
    packed = pack_parameters(fitted_juror(NoJuror()))
    assert packed is not None
    for other in (None, ATTENTION):
        with pytest.raises(ApsiError, match=r"was fitted with other prior .* juror@juror.prior"):
            unpack_parameters(packed, Preference("x.npz", other), "x.npz")


def _without(name: str) -> Callable[[Parameters], Parameters]:
    return lambda arrays: {key: values for key, values in arrays.items() if key != name}


@pytest.mark.parametrize(
    "broken",
    [
        _without("header"),
        _without("weights"),
        lambda arrays: arrays | {"weights": arrays["weights"][:-1]},
        lambda arrays: arrays | {"weights": np.full_like(arrays["weights"], np.nan)},
        lambda arrays: arrays | {"scale": -arrays["scale"]},
        lambda arrays: arrays | {"header": np.array("{}")},
        lambda arrays: arrays | {"header": np.array("[" * 100_000)},
        lambda arrays: arrays | {"header": np.array(str(arrays["header"]).replace('"spread": ', '"spread": -'))},
        lambda arrays: arrays | {"header": np.array(str(arrays["header"]).replace('"version": 1', '"version": 9'))},
        lambda arrays: arrays | {"header": np.array(str(arrays["header"]).replace('"colour"', '"no such"'))},
        lambda arrays: arrays | {"header": np.zeros(3)},
    ],
)
def test_a_broken_file_is_refused(broken: Callable[[Parameters], Parameters]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **broken(fitted_juror().parameters()))
    with pytest.raises(ApsiError):
        unpack_parameters(buffer.getvalue(), Preference("x.npz", None), "x.npz")


@pytest.mark.parametrize("content", [b"", b"nothing", pickle.dumps({"header": 1})])
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ApsiError):
        Preference(str(tmp_path / "x.npz"), None)


def test_what_no_pair_showed_counts_as_the_nearest_that_one_did() -> None:
    juror = fitted_juror(groups=("colour",))
    head = juror.fitted.head
    far = head.high[None] + 1e6
    assert np.array_equal(head.utility(far), head.utility(head.high[None]))
    assert juror.score([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)]).shape == (2,)
    assert juror.score_framed([]).shape == (0,)
    assert FramedPhoto(natural_photo(1)).whole is not None
