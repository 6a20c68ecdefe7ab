"""Drawing by priority: the cell that a slow running sum would find, whatever was set before and in which order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.algo.sum_tree import SumTree

PRIORITIES = st.lists(st.integers(0, 9), min_size=1, max_size=40).filter(any)


def tree_of(priorities: list[int]) -> SumTree:
    tree = SumTree(len(priorities))
    tree.set(np.arange(len(priorities)), np.array(priorities, dtype=np.float64))
    return tree


@settings(deadline=None)
@given(PRIORITIES, st.data())
def test_it_finds_what_a_running_sum_passes(priorities: list[int], data: st.DataObject) -> None:
    tree = tree_of(priorities)
    assert tree.total == sum(priorities)
    amounts = data.draw(st.lists(st.floats(0, tree.total, exclude_max=True), min_size=1, max_size=20))
    expected = np.searchsorted(np.cumsum(priorities), amounts, side="right")
    np.testing.assert_array_equal(tree.find(np.array(amounts)), expected)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0, 1e6)), min_size=1, max_size=60))
def test_sums_depend_on_the_priorities_alone(settings_made: list[tuple[int, float]]) -> None:
    slow, tree, bulk = np.zeros(13), SumTree(13), SumTree(13)
    for cell, priority in settings_made:
        slow[cell] = priority
        tree.set(np.array([cell]), np.array([priority]))
    cells, priorities = (np.array(column) for column in zip(*settings_made, strict=True))
    bulk.set(cells, priorities)  # of a cell named twice the last one counts
    np.testing.assert_array_equal(tree.of(np.arange(13)), slow)
    np.testing.assert_array_equal(bulk._sums, tree._sums)
    np.testing.assert_allclose(tree.total, slow.sum())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=20), st.integers(0, 20))
def test_a_cell_without_priority_is_never_found(priorities: list[float], empty: int) -> None:
    """Not even by an amount as large as the sum, which rounding can make of one below it."""
    tree = SumTree(len(priorities) + empty)
    tree.set(np.arange(len(priorities)), np.array(priorities))
    found = tree.find(np.array([0.0, tree.total, np.nextafter(tree.total, 0)]))
    assert (found < len(priorities)).all()


def test_cells_are_drawn_in_proportion() -> None:
    tree = tree_of([1, 0, 3, 6])
    drawn = tree.find(np.random.default_rng(0).random(20_000) * tree.total)
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20_000, [0.1, 0, 0.3, 0.6], atol=0.015)
