"""The box of a given area with the most of a map."""

from itertools import product

import numpy as np
import pytest

from apsi.photo import Floats
from apsi.photo.box import ORIGINAL, Box, Ratio
from apsi.transform.best_box import best_box


def within(looks: Floats, box: Box) -> float:
    """Of the map, by the share of each cell that is in the box."""
    h, w = looks.shape
    down, across = (
        np.clip(np.minimum(np.arange(1, n + 1), high * n) - np.maximum(np.arange(n), low * n), 0, 1)
        for n, low, high in ((h, box.y1, box.y2), (w, box.x1, box.x2))
    )
    return float(down @ looks @ across)


@pytest.mark.parametrize("ratio", [None, ORIGINAL, (1, 1), (16, 9), (2, 3)])
@pytest.mark.parametrize("area", [0.1, 0.5, 0.65, 0.9])
@pytest.mark.parametrize("shape", [(48, 64), (64, 43), (20, 20)])
def test_no_box_of_a_coarse_search_has_more(shape: tuple[int, int], area: float, ratio: Ratio | None) -> None:
    h, w = shape
    looks = np.random.default_rng(3).random(shape) ** 8
    box = best_box(looks, area, ratio)
    aspect = box.width * w / (box.height * h)
    if ratio is None:
        assert box.area == pytest.approx(area, abs=0.001)
        assert 0.49 <= aspect <= 2.01
        sides = [(wide, area / wide) for wide in np.linspace(area, 1, 12)]
        sides = [(x, y) for x, y in sides if 0.5 <= x * w / (y * h) <= 2]
    else:
        across, down = (w, h) if ratio == ORIGINAL else ratio
        assert aspect == pytest.approx(across / down, rel=0.02)
        assert box.area <= area + 0.002
        assert box.area == pytest.approx(area, abs=0.002) or max(box.width, box.height) == 1
        sides = [(box.width, box.height)]
    places = [
        Box(x, y, x + wide, y + high)
        for wide, high in sides
        for x, y in product(np.linspace(0, 1 - wide, 9), np.linspace(0, 1 - high, 9))
    ]
    assert within(looks, box) >= max(within(looks, place) for place in places) * (1 - 0.004)


def test_a_spot_is_kept_and_of_boxes_alike_the_one_nearest_to_the_centre() -> None:
    looks = np.zeros((48, 64))
    looks[40, 60] = 1
    box = best_box(looks, 0.25, ORIGINAL)
    assert (box.x2, box.y2) == (pytest.approx(61 / 64, abs=0.001), pytest.approx(41 / 48, abs=0.001))
    assert best_box(np.ones((48, 64)), 0.25, ORIGINAL) == Box(0.25, 0.25, 0.75, 0.75)
    assert best_box(np.zeros((48, 64)), 0.25, ORIGINAL) == Box(0.25, 0.25, 0.75, 0.75)


def test_all_of_a_photo_is_a_box_too() -> None:
    assert best_box(np.ones((4, 5)), 1.0) == Box()


def test_a_panorama_is_cut_to_the_shape_nearest_to_2_to_1() -> None:
    box = best_box(np.ones((8, 64)), 0.65)
    assert (box.y1, box.y2, box.width) == (0, 1, pytest.approx(0.65))
