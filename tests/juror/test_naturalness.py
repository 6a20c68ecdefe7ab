"""The naturalness juror: deterministic, bounded, falling with the distance, telling damaged photos from others."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from apsi.errors import ApsiError
from apsi.juror.natural_scene_statistics import features
from apsi.juror.naturalness import Naturalness
from apsi.juror.parameters import load_parameters, save_parameters
from apsi.photo import Photo
from apsi.photo.resample import fit
from apsi.transform.catalogue import by_label


def crops(photo: Photo, count: int, seed: int = 0) -> list[Photo]:
    """Random square parts of a photo at 128 x 128."""
    rng = np.random.default_rng(seed)
    side = min(photo.shape[:2]) // 2
    corners = [(rng.integers(photo.shape[0] - side), rng.integers(photo.shape[1] - side)) for _ in range(count)]
    return [fit(photo[y : y + side, x : x + side], 128, "square") for y, x in corners]


@pytest.fixture(scope="module")
def juror() -> Naturalness:
    fitted = Naturalness()
    fitted.fit([crop for photo in (data.astronaut(), data.coffee(), data.rocket()) for crop in crops(photo, 20)])
    return fitted


@pytest.fixture(scope="module")
def others() -> list[Photo]:
    """Parts of a photo that the juror was not fitted on."""
    return crops(data.chelsea(), 20, seed=1)


def test_scores_are_the_same_one_by_one_in_any_batch_and_in_any_order(juror: Naturalness, others: list[Photo]) -> None:
    together = juror.score(others)
    assert together.tolist() == [juror.score([photo])[0] for photo in others]
    assert together.tolist() == juror.score(others[::-1])[::-1].tolist()


def test_scores_lie_between_0_and_10_for_any_photo(juror: Naturalness, others: list[Photo]) -> None:
    rng = np.random.default_rng(0)
    strange = [np.full((40, 30, 3), v, np.uint8) for v in (0, 128, 255)]
    strange += [rng.integers(0, 256, (33, 50, 3), dtype=np.uint8), np.zeros((1, 1, 3), np.uint8)]
    scores = juror.score(strange + others)
    assert ((scores >= 0) & (scores <= 10)).all()
    assert scores[:5].max() < juror.score(others).min()


def test_the_score_falls_strictly_with_the_distance(juror: Naturalness, others: list[Photo]) -> None:
    photos = others + [by_label(label)(photo) for label in ("invert_g", "shift_left_r", "swap_gb") for photo in others]
    order = np.argsort(juror.distances(photos))
    distances, scores = juror.distances(photos)[order], juror.score(photos)[order]
    assert (np.diff(distances) > 0).all()
    assert (np.diff(scores) < 0).all()


@pytest.mark.parametrize("label", ["invert_r", "invert_g", "invert_b", "shift_left_g", "shift_down_all", "swap_gb"])
def test_a_damaged_photo_scores_below_its_original(juror: Naturalness, others: list[Photo], label: str) -> None:
    worse = juror.score([by_label(label)(photo) for photo in others]) < juror.score(others)
    assert worse.mean() >= 0.8


def test_fitted_parameters_survive_a_file_bit_for_bit(juror: Naturalness, others: list[Photo], tmp_path: Path) -> None:
    save_parameters(tmp_path / "juror.npz", juror)
    loaded = Naturalness()
    load_parameters(tmp_path / "juror.npz", loaded)
    assert loaded.fingerprint == juror.fingerprint
    assert loaded.score(others).tolist() == juror.score(others).tolist()


def test_another_fit_has_another_fingerprint(juror: Naturalness, others: list[Photo]) -> None:
    other = Naturalness()
    other.fit(others)
    assert other.fingerprint != juror.fingerprint
    assert Naturalness().fingerprint.endswith("unfitted")


def test_an_unfitted_juror_refuses_to_score(photo: Photo) -> None:
    with pytest.raises(ApsiError, match="only after it was fitted"):
        Naturalness().score([photo])


def test_a_single_photo_is_too_few_to_fit_on(photo: Photo) -> None:
    with pytest.raises(ApsiError, match="at least 2 photos"):
        Naturalness().fit([photo])


def test_a_file_that_holds_no_parameters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "juror.npz").write_bytes(b"not a zip file")
    with pytest.raises(ApsiError, match="does not hold the parameters"):
        load_parameters(tmp_path / "juror.npz", Naturalness())


def test_golden_features_of_the_astronaut() -> None:
    """Scores stored with prepared data stay valid only as long as the features stay what they are."""
    values = features(fit(data.astronaut(), 128, "square"))
    golden = {0: 0.2589, 9: 1.0644, 15: 0.5551, 30: 0.3481, 53: 1.8969}
    assert values.shape == (54,)
    assert {i: round(float(values[i]), 4) for i in golden} == golden
