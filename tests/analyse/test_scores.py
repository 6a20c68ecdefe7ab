"""Scores by split, and what a transform costs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.analyse.material import DegradedCopy, Material
from apsi.analyse.scores import QUANTILES, Spread, by_split, costs
from apsi.photo.coco import read_coco

LABELS = ("a", "b(+0.200)", "b(-0.100)", "c")
PRICES = {"a": 2.0, "b": 0.5, "c": -0.25}


def copy(labels: tuple[str, ...], drop: float) -> DegradedCopy:
    return DegradedCopy(0, Path("x.png"), Path("o.png"), labels, 8.0, 8.0 - drop)


def price(labels: tuple[str, ...]) -> float:
    return sum(PRICES[label.partition("(")[0]] for label in labels)


@settings(max_examples=40, deadline=None)
@given(recipes=st.lists(st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(tuple), max_size=30))
def test_costs_that_add_up_are_told_apart_whatever_the_recipes(recipes: list[tuple[str, ...]]) -> None:
    single = [(label,) for label in LABELS]
    found = costs([copy(labels, price(labels)) for labels in (*single, *recipes)])
    assert {one.label: one.share for one in found} == pytest.approx(PRICES)
    assert {one.label: one.alone for one in found} == pytest.approx(PRICES)
    assert [one.label for one in found] == ["a", "b", "c"]
    count = sum("a" in labels for labels in recipes) + 1
    assert found[0].copies == found[0].drop.count == count


def test_without_copies_of_one_transform_alone_only_its_share_is_known() -> None:
    recipes = [("a", "b(+0.200)"), ("a", "c"), ("b(-0.100)", "c")]
    found = {one.label: one for one in costs([copy(labels, price(labels)) for labels in recipes])}
    assert {label: one.share for label, one in found.items()} == pytest.approx(PRICES)
    assert all(one.alone is None for one in found.values())
    assert found["a"].drop.mean == pytest.approx((2.5 + 1.75) / 2)
    assert costs([]) == ()


def test_scores_of_a_split_are_those_of_its_annotations(material: Material) -> None:
    rows = {one.split: one for one in by_split(material)}
    for name in ("train", "val", "test"):
        records = read_coco(material.folder / name / "annotations.json")[0]
        assert sorted(rows[name].degraded) == sorted(r.score for r in records if r.score is not None)
        whole = {r.source: r.initial_score for r in records if r.version == 0}
        assert sorted(rows[name].originals) == sorted(score for score in whole.values() if score is not None)
    assert len(rows["all"].originals) == sum(len(rows[name].originals) for name in ("train", "val", "test"))


def test_a_spread_says_what_numpy_says() -> None:
    values = np.array([3.0, 1.0, 4.0, 1.5])
    spread = Spread.of(values)
    assert spread is not None
    assert (spread.count, spread.mean, spread.deviation) == (4, 2.375, pytest.approx(values.std(ddof=1)))
    assert spread.quantiles == pytest.approx(np.quantile(values, QUANTILES))
    assert Spread.of(np.empty(0)) is None
    one = Spread.of(np.array([2.0]))
    assert one is not None and one.deviation == 0
