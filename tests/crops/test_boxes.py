"""Boxes in any order and unit are the same shares of the sides."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.crops.boxes import Record, corners, require_order, to_shares
from apsi.crops.fcdb import _WithoutPhotos
from apsi.errors import ApsiError

CORNERS, SIZES = ("x1", "y1", "x2", "y2"), ("x", "y", "width", "height")
ORDERS = [" ".join(names) for four in (CORNERS, SIZES) for names in permutations(four)]


@st.composite
def pixels(draw: st.DrawFn) -> tuple[dict[str, int], int, int]:
    """The numbers of a box by their names, and width and height of its photo."""
    width, height = draw(st.integers(3, 9000)), draw(st.integers(3, 9000))
    x1, x2 = sorted(draw(st.lists(st.integers(0, width), min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(draw(st.lists(st.integers(0, height), min_size=2, max_size=2, unique=True)))
    sizes = {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2} | sizes, width, height


@given(pixels(), st.sampled_from(ORDERS))
def test_every_order_is_read_as_the_same_box(box: tuple[dict[str, int], int, int], order: str) -> None:
    numbers, width, height = box
    values = np.array([[numbers[name] for name in require_order(order, "order").split()]], np.float64)
    read = corners(values, order)
    assert read[0].tolist() == [numbers[name] for name in CORNERS]
    if read.max() > 1:  # else it looks like shares
        record = Record("a.jpg", "crops.txt", read, ["line 1"], np.array([np.nan]))
        (shares,) = to_shares([record], [(height, width)], _WithoutPhotos())
        assert shares.min() >= 0 and shares.max() <= 1
        np.testing.assert_allclose(shares * [width, height, width, height], read, rtol=1e-12)


def test_a_wrong_box_is_found_among_many_photos() -> None:
    records = [
        Record(
            f"{name}.jpg",
            f"{name}.txt",
            np.array(boxes, np.float64),
            [f"line {i + 1}" for i in range(len(boxes))],
            scores,
        )
        for name, boxes, scores in (
            ("a", [[0, 0, 50, 50], [10, 10, 90, 40]], np.zeros(2)),
            ("b", [[0, 0, 50, 50], [60, 10, 20, 90], [0, 0, 9, 9]], np.zeros(3)),
        )
    ]
    with pytest.raises(
        ApsiError, match=r"b\.txt, line 2: the box 60, 10, 20, 90 .* of b\.jpg.* \(as are 1 of 5 boxes\)"
    ):
        to_shares(records, [(100, 100)] * 2, _WithoutPhotos())
    assert to_shares([], [], _WithoutPhotos()) == []


@pytest.mark.parametrize("order", ["", "x1 y1 x2", "x1 y1 x2 y2 y2", "x y x2 y2", "left top right bottom"])
def test_an_order_that_is_none_is_refused(order: str) -> None:
    with pytest.raises(ApsiError, match=r"crops\.order=.* must have each of x1 y1 x2 y2, or each of x y width height"):
        require_order(order, "crops.order")
