"""Crops by box, moves of a box, action sets of agents that frame."""

import numpy as np
import pytest
from hypothesis import given, settings

from apsi.errors import ApsiError
from apsi.photo.box import ORIGINAL, WHOLE, Box, Ratio
from apsi.transform.catalogue import by_label
from apsi.transform.crop import Crop
from apsi.transform.crop_actions import CropAnchors, CropEdges, CropMoves, grid_anchors
from apsi.transform.crop_moves import CropMove, CropTo, Reframe
from apsi.transform.full_size import apply
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo
from tests.photo.test_box import boxes, ratios


@given(box=boxes, ratio=ratios)
def test_a_label_is_the_crop(box: Box, ratio: Ratio | None) -> None:
    crop = Crop(box, ratio)
    assert by_label(crop.label) == crop and Recipe.from_json(Recipe((crop,)).to_json()) == Recipe((crop,))
    assert by_label(CropTo(box).label) == CropTo(box)
    assert crop.advice.endswith(".") and CropTo(box).advice.endswith(".")


@settings(max_examples=30, deadline=None)
@given(first=boxes, second=boxes)
def test_two_crops_are_one_to_a_pixel(first: Box, second: Box) -> None:
    photo = natural_photo(1, 480, 640)
    try:
        both = Crop(first).then(Crop(second))
    except ApsiError:
        return  # nothing is left
    assert isinstance(both, Crop)
    one, two = both(photo), Crop(second)(Crop(first)(photo))
    assert abs(one.shape[0] - two.shape[0]) <= 2 and abs(one.shape[1] - two.shape[1]) <= 2


def test_a_crop_of_the_ratio_of_the_photo_before_can_not_be_joined_with_one_of_any_ratio() -> None:
    box = Box(0.1, 0.1, 0.9, 0.9)
    assert Crop(box).then(Crop(box, ORIGINAL)) is None
    joined = Crop(box, (3, 2)).then(Crop(box, ORIGINAL))
    assert joined == Crop(box.within(box), (3, 2))
    assert Crop(box).then(by_label("gamma_up")) is None


def test_a_degradation_never_crops_twice_in_a_row() -> None:
    twice = ["crop(0.100,0.000,0.900,1.000)", "crop(0.000,0.100,1.000,0.900)"]
    assert Recipe.of(twice).reduces and not Recipe.of(twice[:1]).reduces
    assert not Recipe.of([twice[0], "gamma_up"]).reduces


@pytest.mark.parametrize("label", ["crop(0.1,0,0.9,1)", "crop(0.100,0.000,0.900,0.800,3:2)"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_crops_hold_at_every_size_and_depth_beside_other_edits(label: str, dtype: type) -> None:
    recipe = Recipe.of([label, "exposure(+0.350)"])
    large = np.repeat(np.repeat(natural_photo(2, 60, 90), 4, 0), 4, 1)
    photo = large if dtype is np.uint8 else large.astype(np.uint16) * 257
    height, width = apply(recipe, photo).shape[:2]
    small = recipe(natural_photo(2, 60, 90))
    assert abs(height - 4 * small.shape[0]) <= 4 and abs(width - 4 * small.shape[1]) <= 4


@pytest.mark.parametrize(
    ("label", "match"),
    [
        ("crop(0.5,0.5,0.3,0.3)", "width and height, it is 0.500,0.500,0.800,0.800"),
        ("crop(10,20,300,400)", "x1=10.0 of a box must be from 0 to 1"),
        ("crop(0,0,1,1,3-2)", "the ratio of"),
        ("crop(0,0,1)", "unknown transform"),
        ("crop(a,0,1,1)", "unknown transform"),
        ("crop_left(+0.900)", "must be from -0.5 to 0.5"),
        ("crop_lefft(+0.100)", "Did you mean 'crop_left'"),
        ("crop_to(0.5,0,0.1,1)", "inverted"),
        ("crop_to(0.1,0,0.9,0.8,3:2)", "unknown transform .*with x1,y1,x2,y2 as shares"),
    ],
)
def test_labels_that_mean_nothing_are_explained(label: str, match: str) -> None:
    with pytest.raises(ApsiError, match=match):
        by_label(label)


MOVES = [t for t in (*CropEdges(0.05, []).transforms, *CropMoves(0.05).transforms) if isinstance(t, Reframe)]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.label)
def test_a_move_and_its_inverse_lead_back_and_mirrored_it_does_the_same_to_a_mirrored_box(move: CropMove) -> None:
    box = Box(0.2, 0.3, 0.7, 0.9)
    back = move.inverse.moved(Box(*move.moved(box)))
    assert back == pytest.approx(box.array.tolist(), abs=0.0011)
    assert move.mirrored.mirrored == move
    x1, y1, x2, y2 = move.moved(box)
    there = move.mirrored.moved(Box(1 - box.x2, box.y1, 1 - box.x1, box.y2))
    assert there == pytest.approx((1 - x2, y1, 1 - x1, y2), abs=1e-9)
    assert by_label(move.label) == move and move.advice.endswith(".")


def test_of_a_photo_by_itself_a_move_takes_away_and_can_not_show_more() -> None:
    photo = natural_photo(1, 40, 60)
    assert by_label("crop_left(+0.100)")(photo).shape == (40, 54, 3)
    with pytest.raises(ApsiError, match="env=crop"):
        by_label("crop_left(-0.100)")(photo)


def test_the_action_sets_are_those_of_their_sources() -> None:
    assert len(CropEdges(0.05, [], stop=True)) == 9
    assert len(CropMoves(0.05, stop=True)) == 14
    anchors = CropAnchors(12, 0.5, stop=True)
    shapes = np.array([box.array for box in grid_anchors(12, 0.5)])
    ratio = (shapes[:, 2] - shapes[:, 0]) / (shapes[:, 3] - shapes[:, 1]) * 481 / 321
    assert len(anchors) == 91 and int(((ratio >= 0.5) & (ratio <= 2)).sum()) == 83
    for actions in (anchors, CropEdges(0.05, ["gamma_up"], stop=True), CropMoves(0.05, stop=True)):
        mirrored = actions.mirrored
        assert mirrored is not None and np.array_equal(mirrored[mirrored], np.arange(len(actions)))
    assert Crop(WHOLE).part_of(natural_photo(1)) == WHOLE
    with pytest.raises(ApsiError, match="at least 3"):
        CropAnchors(2, 0.5)
    with pytest.raises(ApsiError, match=r"min_area=0\.99"):
        CropAnchors(12, 0.99)
