"""The distance to the true photos, checked against cases made by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage.color import lab2rgb

from apsi.evaluate.summary import summarise
from apsi.evaluate.truth import CHANGE, COLOUR_DIFFERENCE, comparable, compare, truth_measures, truth_of
from apsi.photo import Photo
from apsi.photo.prepared import Episode
from apsi.policy.rollout import EpisodeResult
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo


def grey(lightness: float, side: int = 16) -> Photo:
    """One colour of this lightness in Lab."""
    lab = np.zeros((side, side, 3))
    lab[..., 0] = lightness
    return np.rint(255 * lab2rgb(lab)).astype(np.uint8)


def result(photo: str, before: float, after: float, degradation: tuple[str, ...] = ("gamma_up",)) -> EpisodeResult:
    episode = Episode(Path("p.png"), Path("o.png"), photo, photo, degradation, 4.0, 6.0)
    return EpisodeResult(
        episode, (), 5.0, True, 1, 1, (), (4.0, 5.0), {COLOUR_DIFFERENCE: (before, after), "PSNR": (20.0, math.nan)}
    )


def test_equal_photos_are_as_near_as_bytes_can_tell() -> None:
    photo = natural_photo(0)
    assert compare(photo, photo.copy()) == (0.0, pytest.approx(58.9, abs=0.1), 1.0, 1.0)


def test_figures_are_those_of_their_formulas() -> None:
    # equal hue and chroma: CIEDE2000 is the difference of lightness over S_L, here of L 50 and 60 (Sharma et al. 2005)
    middle = 1 + 0.015 * (55 - 50) ** 2 / math.sqrt(20 + (55 - 50) ** 2)
    colour, psnr, _, gms = compare(grey(60), grey(50))
    assert colour == pytest.approx(10 / middle, rel=0.02)
    step = float(grey(60)[0, 0, 0]) - float(grey(50)[0, 0, 0])
    assert psnr == pytest.approx(20 * math.log10(255 / step))
    assert gms == 1.0  # neither has a gradient
    noisy = np.clip(natural_photo(0) + np.random.default_rng(0).normal(0, 40, (48, 64, 3)), 0, 255).astype(np.uint8)
    _, _, ssim, gms = compare(noisy, natural_photo(0))
    assert ssim < 0.6 and gms < 0.9


def test_photos_of_another_size_or_too_small_are_left_out() -> None:
    photo, measures = natural_photo(0), truth_measures()
    originals = [photo, photo, photo[:5, :5]]
    figures = measures[COLOUR_DIFFERENCE]([photo[:-2], photo, photo[:5, :5]], originals)
    assert np.isnan(figures).tolist() == [True, False, True]


def test_recovered_is_the_share_of_the_distance_that_went_nearer_counts_and_harm_is_of_undegraded_photos() -> None:
    results = [result("a", 10, 5), result("a", 10, 0), result("b", 20, 25), result("c", 8, 2)]
    kept = [result("a", 0, 1.5, ()), result("b", 0, 0.5, ())]
    truth = truth_of(results, kept)
    assert truth.recovered == pytest.approx(1 - 32 / 48)
    assert truth.nearer == pytest.approx(3 / 4)
    assert truth.harm == pytest.approx(1.0)
    assert truth.recovered_ci95 is not None and truth.recovered_ci95[0] < truth.recovered < truth.recovered_ci95[1] <= 1


def test_photos_that_nobody_degraded_tell_of_harm_only_and_where_nothing_is_known_nothing_is_said() -> None:
    truth = truth_of([result("a", 0, 2, ()), result("b", 0, 0, ())])
    assert (truth.recovered, truth.nearer, truth.harm) == (None, None, 1.0)
    assert truth_of([result("a", math.nan, math.nan)]).recovered is None


def test_a_summary_has_the_truth_and_leaves_out_what_no_photo_has() -> None:
    summary = summarise([result("a", 10, 5), result("b", 10, 10)], [result("a", 0, 3, ())])
    assert (summary.recovered, summary.nearer, summary.harm) == (0.25, 0.5, 3.0)
    assert summary.measures == {COLOUR_DIFFERENCE: (10.0, 7.5), "PSNR": None}
    assert summary.harm_ci95 is None  # of one photo
    assert summary.undegraded == {COLOUR_DIFFERENCE: (0.0, 3.0), "PSNR": None}


@pytest.mark.parametrize("label", ["flip_horizontal", "flip_vertical", "crop_1_1", "crop_thirds", "level_horizon"])
def test_a_picture_that_was_framed_or_mirrored_anew_is_left_out_even_where_its_size_stays(label: str) -> None:
    kept, edited, degraded = result("a", 10, 5), result("b", 10, 90), result("c", 90, 0, (label,))
    edited = replace(edited, actions=("gamma_up", label), recipe=Recipe.of(["gamma_up", label]))
    edited.measures["clipped"], edited.measures[CHANGE] = (0.1, 0.2), (0.0, 80.0)
    same, *others = comparable([kept, edited, degraded])
    assert same is kept
    assert all(math.isnan(figure) for other in others for figure in other.measures[COLOUR_DIFFERENCE])
    assert math.isnan(others[0].measures[CHANGE][1]) and others[0].measures["clipped"] == (0.1, 0.2)
    assert truth_of([kept, *others]).recovered == 0.5


def test_moving_one_channel_or_halves_is_damage_and_counts() -> None:
    for label in ("shift_left_r", "shift_down_all", "swap_rb"):
        [counted] = comparable([result("a", 10, 5, (label,))])
        assert counted.measures[COLOUR_DIFFERENCE] == (10, 5)
