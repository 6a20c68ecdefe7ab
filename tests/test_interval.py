"""Intervals cover the truth as often as they say, though episodes of one photo are alike."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from apsi import interval
from apsi.interval import (
    Interval,
    Sample,
    difference_interval,
    interval_text,
    mean_interval,
    rate_interval,
    wilson_interval,
)
from apsi.photo import Floats

EPISODES = 12
"""of each photo in the simulations"""
REPEATS = 250


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for what is tested here, and fast."""
    monkeypatch.setattr(interval, "RESAMPLES", 500)


def runs(outcomes: Floats) -> Sample:
    """Outcomes `(runs, photos, episodes)`."""
    names = np.repeat([f"photo{p}" for p in range(outcomes.shape[1])], outcomes.shape[2]).tolist()
    return Sample.of(outcomes.reshape(len(outcomes), -1), [names] * len(outcomes))


def successes(rng: np.random.Generator, photos: int, rate: float) -> Sample:
    """Episodes of a photo correlate by 0.3 (beta-binomial)."""
    each = rng.beta(rate * 7 / 3, (1 - rate) * 7 / 3, (1, photos, 1))
    return runs((rng.random((1, photos, EPISODES)) < each).astype(float))


def gains(rng: np.random.Generator, n_runs: int, photos: int, between_runs: float) -> Sample:
    """Mean 1, spread 1 between photos and `between_runs` between runs, 0.5 within both."""
    of_photo, of_run = rng.normal(1, 1, (1, photos, 1)), rng.normal(0, between_runs, (n_runs, 1, 1))
    return runs(of_photo + of_run + rng.normal(0, 0.5, (n_runs, photos, EPISODES)))


def coverage(draw: Callable[[np.random.Generator], Interval | None], truth: float) -> float:
    rng, covered = np.random.default_rng(7), 0
    for _ in range(REPEATS):
        found = draw(rng)
        assert found is not None
        covered += found[0] <= truth <= found[1]
    return covered / REPEATS


@pytest.mark.parametrize(("photos", "rate"), [(5, 0.6), (15, 0.5), (15, 0.8)])
def test_success_intervals_cover_where_counting_episodes_does_not(photos: int, rate: float) -> None:
    assert 0.90 <= coverage(lambda rng: rate_interval(successes(rng, photos, rate)), rate) <= 0.99

    def by_episodes(rng: np.random.Generator) -> Interval:
        sample = successes(rng, photos, rate)
        return wilson_interval(sample.mean, photos * EPISODES)

    assert coverage(by_episodes, rate) < 0.75


@pytest.mark.parametrize(("n_runs", "photos", "between_runs"), [(1, 5, 0.0), (1, 15, 0.0), (3, 15, 1.0), (5, 8, 0.5)])
def test_gain_intervals_cover_with_few_photos_and_few_seeds(n_runs: int, photos: int, between_runs: float) -> None:
    found = coverage(lambda rng: mean_interval(gains(rng, n_runs, photos, between_runs)), 1.0)
    assert 0.90 <= found <= 0.99


def test_leaving_out_that_seeds_differ_would_cover_too_rarely() -> None:
    """The reason for the second level."""

    def photos_alone(rng: np.random.Generator) -> Interval | None:
        sample = gains(rng, 3, 15, 1.0)
        return mean_interval(Sample(sample.sums.sum(axis=0)[None], sample.counts.sum(axis=0)[None]))

    assert coverage(photos_alone, 1.0) < 0.75


def test_differences_of_groups_cover() -> None:
    """The same photos for both groups, seeds of their own."""

    def draw(rng: np.random.Generator) -> Interval | None:
        of_photo = rng.normal(0, 1, (1, 15, 1))
        first, other = (
            runs(mean + of_photo + rng.normal(0, 0.3, (3, 1, 1)) + rng.normal(0, 0.5, (3, 15, EPISODES)))
            for mean in (0, 1)
        )
        return difference_interval(first, other, rates=False)

    assert 0.90 <= coverage(draw, 1.0) <= 0.99


def test_wilsons_interval_has_the_published_values() -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3."""
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson_interval(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilsons_interval_is_scipys_where_cases_are_whole(n: int, share: float) -> None:
    k = round(n * share)
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(k / n, n) == pytest.approx((expected.low, expected.high), rel=0, abs=1e-12)


def test_resampled_intervals_are_those_recorded_with_multinomial_weights() -> None:
    """Ends averaged over 60 seeds of 5,000 resamples each; one end alone scatters by 0.005."""
    rng = np.random.default_rng(3)
    sample = runs((rng.random((3, 8, 12)) < rng.beta(2, 1, (1, 8, 1))).astype(float))
    for find, recorded in ((rate_interval, (0.4235, 0.8645)), (mean_interval, (0.4304, 0.9166))):
        found = np.mean([find(sample, seed) or (0, 0) for seed in range(60)], axis=0)
        assert found == pytest.approx(recorded, abs=0.01)


@pytest.mark.parametrize("rate", [0, 1])
def test_where_all_photos_agree_the_photos_are_the_cases(rate: int) -> None:
    """Resampling would leave no width at all."""
    sample = runs(np.full((1, 20, 50), float(rate)))
    assert rate_interval(sample) == pytest.approx(wilson_interval(rate, 20))
    assert difference_interval(sample, sample, rates=True) == pytest.approx((-0.1611, 0.1611), abs=5e-5)
    assert mean_interval(sample) == (rate, rate)


def test_a_single_photo_has_no_interval_however_many_episodes_and_runs() -> None:
    sample = gains(np.random.default_rng(0), 3, 1, 0.5)
    assert rate_interval(sample) is mean_interval(sample) is difference_interval(sample, sample, rates=False) is None
    assert interval_text(None) == "none: one photo"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(1, 3))
def test_intervals_hold_the_mean_and_depend_on_nothing_but_the_outcomes(seed: int, photos: int, n_runs: int) -> None:
    rng = np.random.default_rng(seed)
    names = [[f"photo{p}" for p in rng.integers(photos, size=20)] + ["photo0", "photo1"] for _ in range(n_runs)]
    outcomes = [(rng.random(22) < rng.random()).astype(float) for _ in range(n_runs)]
    orders = [rng.permutation(22) for _ in range(n_runs)]
    shuffled = [[run[i] for i in order] for run, order in zip(names, orders, strict=True)]
    sample = Sample.of(outcomes, names)
    again = Sample.of([run[order] for run, order in zip(outcomes, orders, strict=True)], shuffled)
    for find in (rate_interval, mean_interval):
        low, high = find(sample) or (0, 0)
        assert low <= sample.mean <= high
        assert find(again) == (low, high)
    low, high = rate_interval(sample) or (-1, -1)
    assert 0 <= low <= high <= 1
