"""The juror of flaws: ranks photos by flaws in either direction, the same in any batch, flat where it sees none."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.degradation.photographic import FLAWS
from apsi.errors import ApsiError
from apsi.juror.flaw_ranking import Heads, learn
from apsi.juror.flaw_statistics import features
from apsi.juror.flaw_versions import Versions
from apsi.juror.flaws import Flaws
from apsi.juror.parameters import load_parameters, save_parameters
from apsi.photo import Photo
from apsi.photo.resample import fit
from apsi.transform.adjust import Adjust
from apsi.transform.base import Transform
from apsi.transform.flaws import Flaw
from tests.juror.test_naturalness import crops


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it matters that it learns, not what."""
    monkeypatch.setattr("apsi.juror.flaw_ranking._STEPS", (30, 30))


def made(*overrides: str) -> Flaws:
    juror = instantiate(load_config(["juror=flaws", *overrides]).juror)
    assert isinstance(juror, Flaws)
    return juror


@pytest.fixture(scope="module")
def seen() -> list[Photo]:
    photos = (data.astronaut(), data.coffee(), data.rocket(), data.chelsea())
    return [crop for i, photo in enumerate(photos) for crop in crops(photo, 5, seed=i)]


@pytest.fixture(scope="module")
def juror(seen: list[Photo]) -> Flaws:
    fitted = made()
    fitted.fit(seen)
    return fitted


@pytest.fixture(scope="module")
def hardly_learned(seen: list[Photo]) -> Flaws:
    """Where it matters that it is fitted, not what it knows."""
    fitted = made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apsi.juror.flaw_ranking._STEPS", (30, 30))
        fitted.fit(seen[:4])
    return fitted


@pytest.fixture(scope="module")
def others() -> list[Photo]:
    """Other parts of these photos, larger."""
    photos = (data.astronaut(), data.coffee(), data.rocket(), data.chelsea())
    return [fit(photo[:, x : x + 300], 128, "square") for photo in photos for x in (0, 120)]


BOTH_WAYS: dict[str, Transform] = {
    "too dark": Flaw("exposure_error", (-1.2,)),
    "too bright": Flaw("exposure_error", (1.2,)),
    "too dull": Adjust("saturation", -0.8),
    "too vivid": Adjust("saturation", 0.8),
    "too flat": Adjust("contrast", -0.8),
    "too hard": Adjust("contrast", 0.8),
    "tones pressed down": Adjust("gamma", -0.7),
    "tones lifted": Adjust("gamma", 0.7),
    "too warm": Flaw("white_balance_error", (65, 0)),
    "too cold": Flaw("white_balance_error", (-65, 0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("flaw", BOTH_WAYS)
def test_too_much_and_too_little_are_both_worse(juror: Flaws, others: list[Photo], flaw: str) -> None:
    worse = juror.ranks([BOTH_WAYS[flaw](photo) for photo in others]) < juror.ranks(others)
    assert worse.mean() >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("flaw", FLAWS)
def test_the_score_falls_with_the_strength_on_average(juror: Flaws, others: list[Photo], flaw: str) -> None:
    means = [
        juror.ranks([FLAWS[flaw](strength, np.random.default_rng(i))(p) for i, p in enumerate(others)]).mean()
        for strength in (0.4, 0.7, 1.0)
    ]
    assert juror.ranks(others).mean() > means[1]
    assert means[0] > means[1] > means[2]


@pytest.mark.slow
def test_it_is_flat_where_it_sees_no_flaw_and_falls_to_0(juror: Flaws, seen: list[Photo], others: list[Photo]) -> None:
    scores = juror.score(seen)
    assert (scores == 10).mean() > 0.5
    bad = replace(juror.degradation, n_min=3, weakest=0.9)
    assert juror.score([bad.sample(np.random.default_rng(i))(photo) for i, photo in enumerate(others)]).mean() < 2


def test_scores_are_the_same_one_by_one_in_any_batch_and_in_any_order(
    hardly_learned: Flaws, others: list[Photo]
) -> None:
    together = hardly_learned.ranks(others)
    assert together.tolist() == [hardly_learned.ranks([photo])[0] for photo in others]
    assert together.tolist() == hardly_learned.ranks(others[::-1])[::-1].tolist()


def test_scores_lie_between_0_and_10_for_any_photo(hardly_learned: Flaws) -> None:
    rng = np.random.default_rng(0)
    strange = [np.full((40, 30, 3), v, np.uint8) for v in (0, 128, 255)]
    strange += [rng.integers(0, 256, (33, 50, 3), dtype=np.uint8), np.zeros((1, 1, 3), np.uint8)]
    scores = hardly_learned.score(strange)
    assert ((scores >= 0) & (scores <= 10)).all()
    assert np.isfinite([features(photo) for photo in strange]).all()
    assert hardly_learned.score([]).shape == (0,)


def test_fitted_parameters_are_small_and_survive_a_file_bit_for_bit(
    hardly_learned: Flaws, others: list[Photo], tmp_path: Path
) -> None:
    save_parameters(tmp_path / "juror.npz", hardly_learned)
    assert (tmp_path / "juror.npz").stat().st_size < 1_000_000
    loaded = made()
    load_parameters(tmp_path / "juror.npz", loaded)
    assert loaded.fingerprint == hardly_learned.fingerprint
    assert loaded.score(others).tolist() == hardly_learned.score(others).tolist()


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_the_same_photos_give_the_same_juror_whatever_was_drawn_before(seen: list[Photo]) -> None:
    one, other = made(), made()
    one.fit(seen[:2])
    np.random.seed(7)
    torch.manual_seed(7)
    threads, before = torch.get_num_threads(), torch.get_rng_state()
    with torch.no_grad():
        other.fit(tuple(seen[:2]))
    assert one.fingerprint == other.fingerprint
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)
    other.fit(seen[1:3])
    assert one.fingerprint != other.fingerprint


def test_settings_are_part_of_the_fingerprint_before_fitting_too() -> None:
    names = {made(*o).fingerprint for o in ([], ["juror.flawless=0.5"], ["juror.degradation.n_max=2"])}
    assert len(names) == 3 and all(name.endswith("unfitted") for name in names)


@pytest.mark.usefixtures("quick")
def test_which_flaws_it_learns_can_be_chosen(seen: list[Photo]) -> None:
    juror = made("juror.degradation.flaws=[defocus]", "juror.degradation.n_max=1", "juror.edits=[warmth]")
    juror.fit(seen[:3])
    assert (juror.ranks([Flaw("defocus", (2.0,))(photo) for photo in seen[:3]]) < juror.ranks(seen[:3])).all()


@pytest.mark.usefixtures("quick")
def test_few_photos_are_warned_of_and_one_is_too_few(seen: list[Photo], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="apsi"):
        made().fit(seen[:2])
    assert "learned from 2 photos only" in caplog.text
    with pytest.raises(ApsiError, match="at least 2 photos"):
        made().fit(seen[:1])


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_more_photos_than_it_needs_are_thinned_out_evenly(seen: list[Photo], monkeypatch: pytest.MonkeyPatch) -> None:
    learned_from: list[Sequence[Versions]] = []

    def remembered(versions: Sequence[Versions], seed: int) -> Heads:
        learned_from.append(versions)
        return learn(versions, seed)

    monkeypatch.setattr("apsi.juror.flaws._MOST", 2)
    monkeypatch.setattr("apsi.juror.flaws.learn", remembered)
    made().fit(seen[:5])
    for versions in learned_from:
        first = [each.rows[0].tolist() for each in versions]
        assert first == [features(seen[i]).tolist() for i in (0, 2, 4)]


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_outputs_of_a_frozen_network_are_learned_from_too(seen: list[Photo], models: Path) -> None:
    network = ["path", "size", "mean", "std", "mapping.centre", "mapping.scale", "activation"]
    values = [f"'{models / 'bins.onnx'}'", "16", "[0,0,0]", "[1,1,1]", "0", "1", "softmax_mean"]
    settings = [f"juror.backbone.{key}={value}" for key, value in zip(network, values, strict=True)]
    with_backbone, loaded = made("juror@juror.backbone=onnx", *settings), made("juror@juror.backbone=onnx", *settings)
    with_backbone.fit(seen[:2])
    assert with_backbone.parameters()["mean"].size == features(seen[0]).size + 10
    assert with_backbone.ranks(seen[:5]).tolist() == [with_backbone.ranks([photo])[0] for photo in seen[:5]]
    loaded.load_parameters(with_backbone.parameters())
    assert loaded.fingerprint == with_backbone.fingerprint
    assert with_backbone.backbone is not None and with_backbone.backbone.fingerprint in with_backbone.fingerprint
    assert loaded.tolerance == with_backbone.backbone.tolerance > made().tolerance == 0


def test_an_unfitted_juror_refuses_to_score(photo: Photo) -> None:
    with pytest.raises(ApsiError, match="only after it was fitted"):
        made().score([photo])
    with pytest.raises(ApsiError, match="before it was fitted"):
        made().parameters()


def test_parameters_of_another_juror_are_refused(hardly_learned: Flaws) -> None:
    cut = hardly_learned.parameters() | {"spread": np.ones(3)}
    with pytest.raises(ApsiError, match="not those of a fitted flaws juror"):
        made().load_parameters(cut)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("juror.flawless=1.0", r"juror\.flawless=1\.0 must be"),
        ("juror.edits=[]", r"juror\.edits is empty"),
        ("juror.edits=[warmt]", "warmth"),
        ("juror.degradation.flaws=[hase]", "haze"),
    ],
)
def test_settings_that_mean_nothing_are_named(override: str, message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        made(override)
