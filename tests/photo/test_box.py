"""Boxes: what is written is what is cut, at every size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.photo.box import GRID, ORIGINAL, WHOLE, Box, Ratio, parse_ratio, ratio_text, sides_of

ends = st.lists(st.integers(0, GRID), min_size=2, max_size=2, unique=True).map(sorted)
boxes = st.tuples(ends, ends).map(lambda e: Box(e[0][0] / GRID, e[1][0] / GRID, e[0][1] / GRID, e[1][1] / GRID))
ratios = st.sampled_from([None, ORIGINAL, (3, 2), (1, 1), (9, 16), (21, 9)])
sides = st.integers(16, 6000)


@given(box=boxes, ratio=ratios, height=sides, width=sides)
def test_pixels_lie_in_the_photo_and_have_the_ratio_to_a_pixel(
    box: Box, ratio: Ratio | None, height: int, width: int
) -> None:
    left, top, right, bottom = box.pixels(height, width, ratio)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    if ratio is not None:
        across, down = sides_of(ratio, height, width)
        wide, high = right - left, bottom - top
        assert abs(high - wide * down / across) <= 1 or abs(wide - high * across / down) <= 1
    else:
        assert abs(left - box.x1 * width) <= 1 and abs(bottom - box.y2 * height) <= 1


@given(outer=boxes, inner=boxes)
def test_a_part_of_a_part_lies_in_it(outer: Box, inner: Box) -> None:
    try:
        part = outer.within(inner)
    except ApsiError as error:
        assert "empty" in str(error), "a part of less than a thousandth"
        return
    assert (part.array[:2] >= outer.array[:2] - 1e-9).all() and (part.array[2:] <= outer.array[2:] + 1e-9).all()
    assert part.area == pytest.approx(outer.area * inner.area, abs=0.003)
    assert outer.within(WHOLE) == outer and WHOLE.within(inner) == inner


def test_a_cut_is_the_part_and_all_of_it() -> None:
    photo = np.arange(10 * 20 * 3, dtype=np.uint8).reshape(10, 20, 3)
    assert np.array_equal(Box(0.1, 0.2, 0.6, 0.7).cut(photo), photo[2:7, 2:12])
    assert np.array_equal(WHOLE.cut(photo), photo)


@pytest.mark.parametrize("numbers", [(0.5, 0.5, 0.3, 0.3), (0.4, 0.1, 0.4, 0.9)])
def test_inverted_and_empty_boxes_are_refused_and_widths_meant_as_corners_named(numbers: tuple[float, ...]) -> None:
    with pytest.raises(ApsiError, match="x1 < x2 and y1 < y2") as error:
        Box(*numbers)
    assert ("width and height" in str(error.value)) == (numbers[0] + numbers[2] <= 1)


def test_what_lies_outside_and_what_is_no_ratio_is_refused() -> None:
    with pytest.raises(ApsiError, match=r"x2=1\.2 of a box must be from 0 to 1"):
        Box(0, 0, 1.2, 1)
    with pytest.raises(ApsiError, match="y1=nan"):
        Box(0, float("nan"), 1, 1)
    for text in ("3", "3:0", "0:2", "a:b", "3:2:1", "-3:2", ""):
        with pytest.raises(ApsiError, match="width:height"):
            parse_ratio(text, "env.aspect")
    for text in ("3:2", "original", "16:9"):
        assert ratio_text(parse_ratio(text, "env.aspect")) == text
