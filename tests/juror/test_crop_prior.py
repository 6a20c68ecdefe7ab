"""The juror of boxes alone: larger never scores lower, sides don't matter, and what people's votes say of it."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.crops.fcdb import read_ranking
from apsi.crops.votes import Votes
from apsi.errors import ApsiError
from apsi.juror.base import SCORE_MAX
from apsi.juror.crop_preference import CropPreference, Fitted, features, fit, load_fitted, save_fitted
from apsi.juror.crop_prior import PARAMETERS, CropPrior
from apsi.juror.framed import FramedPhoto
from apsi.juror.odds import log_odds
from apsi.photo import Floats
from apsi.photo.box import Box
from tests.command_line import REPOSITORY

FCDB = REPOSITORY.parent / "shared" / "fcdb" / "ranking_annotation.json"
SCRIPT = REPOSITORY / "benchmarks" / "crop_prior.py"
needs_votes = pytest.mark.skipif(not FCDB.is_file(), reason="../shared/fcdb is not here")
PHOTO = np.zeros((40, 60, 3), np.uint8)
share = st.floats(0, 1)


def framed(*boxes: Box) -> list[FramedPhoto]:
    return [FramedPhoto(box.cut(PHOTO), PHOTO, box) for box in boxes]


@st.composite
def nested(draw: st.DrawFn) -> tuple[Box, Box]:
    """A box, and one that contains it."""
    sides = [sorted(draw(st.lists(st.integers(0, 1000), min_size=4, max_size=4))) for _ in range(2)]
    (x1, x2, x3, x4), (y1, y2, y3, y4) = ([value / 1000 for value in four] for four in sides)
    step = 0.001  # so that the inner one is not empty
    inner = Box(
        min(x2, 1 - step), min(y2, 1 - step), max(x3, min(x2, 1 - step) + step), max(y3, min(y2, 1 - step) + step)
    )
    outer = Box(min(x1, inner.x1), min(y1, inner.y1), max(x4, inner.x2), max(y4, inner.y2))
    return inner, outer


@given(nested())
def test_a_crop_that_contains_another_never_scores_lower(boxes: tuple[Box, Box]) -> None:
    inner, outer = CropPrior().score_framed(framed(*boxes))
    assert inner <= outer + 1e-12 and outer <= SCORE_MAX / 2


@given(nested(), st.floats(0, 3), share, share, st.floats(-1, 1))
def test_so_it_is_with_any_weights_within_the_limits(
    boxes: tuple[Box, Box], area: float, across: float, down: float, split: float
) -> None:
    height = 2 * area * split
    model = CropPreference(area, 8 * area * across, (8 * area - 4 * abs(height)) * down, height)
    inner, outer = model.log_odds(np.stack([box.array for box in boxes]))
    assert inner <= outer + 1e-9


def test_weights_beyond_the_limits_are_refused() -> None:
    for weights in ((-0.1, 0, 0, 0), (1, 8.1, 0, 0), (1, 0, 4.1, 1), (1, 0, 0, -2.1), (1, -1, 0, 0)):
        with pytest.raises(ValueError, match="a larger crop could score lower"):
            CropPreference(*weights)


def test_the_whole_photo_is_the_reference_whatever_it_shows() -> None:
    juror = CropPrior()
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (30, 20 + i, 3), np.uint8) for i in range(3)]
    assert juror.score(photos).tolist() == [SCORE_MAX / 2] * 3
    assert juror.score([]).shape == (0,)
    assert juror.sees_frame and juror.tolerance == 0


def test_size_and_place_count_and_the_parts_sum_up() -> None:
    juror = CropPrior()
    boxes = framed(Box(), Box(0.1, 0.1, 0.9, 0.9), Box(0.2, 0.2, 1, 1), Box(0.2, 0.2, 0.8, 0.8), Box(0.2, 0, 0.8, 0.6))
    whole, large, off, small, _ = scores = juror.score_framed(boxes)
    assert whole > large > off > small
    parts = juror.parts(boxes)
    assert tuple(parts) == juror.part_names
    np.testing.assert_allclose(sum(parts.values()), log_odds(scores), atol=1e-9)
    assert parts["centre"][[0, 1, 3]].tolist() == [0, 0, 0]
    alone = [juror.score_framed([box])[0] for box in boxes]
    assert alone == scores.tolist()


def test_the_smallest_crop_scores_too() -> None:
    (score,) = CropPrior().score_framed(framed(Box(0, 0, 0.001, 0.001)))
    assert score == 0


def test_the_fingerprint_is_that_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    juror, other = CropPrior(), CropPrior()
    assert juror.fingerprint == CropPrior().fingerprint
    monkeypatch.setattr(other, "preference", CropPreference(1, 1, 1, 0))
    assert other.fingerprint != juror.fingerprint


def test_what_ships_says_where_it_comes_from() -> None:
    content = json.loads(PARAMETERS.read_text())
    assert content["data_licence"].startswith("MIT") and content["votes"] == 168_100 and content["command"]
    assert CropPrior.about is not None and "nothing of what is shown" in CropPrior.about.knows


def random_votes(model: CropPreference, side: float, count: int) -> Votes:
    """Five votes a pair, as the model has it."""
    rng = np.random.default_rng(1)
    low, size = rng.uniform(0, 0.5, (2, count, 2)), rng.uniform(0.2, 0.5, (2, count, 2))
    first, second = np.concatenate([low, low + size], axis=2)
    margins = model.log_odds(second) - model.log_odds(first) + side
    seconds = rng.binomial(5, 1 / (1 + np.exp(-margins)))
    return Votes(first, second, np.column_stack([5 - seconds, seconds]), np.arange(count))


def test_the_weights_that_votes_follow_are_found_and_the_side_is_no_part_of_them() -> None:
    model = CropPreference(0.9, 3.0, 2.0, 0.4)
    found = fit(random_votes(model, 0.5, 20_000))
    np.testing.assert_allclose(list(vars(found.preference).values()), list(vars(model).values()), atol=0.25)
    assert found.side == pytest.approx(0.5, abs=0.03)
    again = fit(random_votes(model, 0.5, 20_000).swapped)
    np.testing.assert_allclose(list(vars(again.preference).values()), list(vars(found.preference).values()), atol=1e-3)
    assert again.side == pytest.approx(-found.side, abs=1e-4)


def test_votes_for_small_crops_end_at_the_limit() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0]] * 2), np.array([[0.2, 0.2, 0.8, 0.8], [0.1, 0.3, 0.6, 0.7]])
    votes = Votes(*boxes, np.array([[1, 4], [1, 4]]), np.arange(2))
    assert fit(votes).preference.area == pytest.approx(0, abs=1e-6)
    with pytest.raises(ApsiError, match="fitted on votes, and there are none"):
        fit(Votes(*boxes, np.zeros((2, 2), np.int64), np.arange(2)))


def test_a_model_is_written_and_read(tmp_path: Path) -> None:
    fitted = Fitted(CropPreference(0.12345678, 8 * 0.12345678, 0.5, 0.0), 0.25)
    save_fitted(tmp_path / "model.json", fitted, {"data": "none"})
    read = load_fitted(tmp_path / "model.json")
    np.testing.assert_allclose(list(vars(read.preference).values()), list(vars(fitted.preference).values()), atol=1e-4)
    (tmp_path / "model.json").write_text('{"weights": {"area": 1}, "side": 0}')
    with pytest.raises(ApsiError, match=r"holds no model of crops .*make\.py"):
        load_fitted(tmp_path / "model.json")


def test_features_of_the_whole_photo_are_zero() -> None:
    whole: Floats = np.array([[0.0, 0.0, 1.0, 1.0]])
    assert not features(whole).any()


@needs_votes
def test_the_shipped_weights_are_those_of_the_published_votes() -> None:
    found = fit(Votes.of(read_ranking(FCDB)))
    shipped = load_fitted(PARAMETERS)
    np.testing.assert_allclose(
        list(vars(found.preference).values()), list(vars(shipped.preference).values()), atol=1e-3
    )
    assert found.side == pytest.approx(shipped.side, abs=1e-3)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = spec_from_file_location("benchmarks_crop_prior", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_votes
def test_geometry_predicts_majorities_a_little_better_than_size(benchmark: ModuleType) -> None:
    votes = Votes.of(read_ranking(FCDB))
    margins, _ = benchmark.cross_validated(votes, 5, 0)
    right = benchmark.correct(margins, votes)
    assert right.mean() == pytest.approx(0.703, abs=0.0015)
    assert right[votes.same_size].mean() == pytest.approx(0.538, abs=0.004)
    swapped, _ = benchmark.cross_validated(votes.swapped, 5, 0)
    np.testing.assert_allclose(swapped, -margins, atol=1e-3)
