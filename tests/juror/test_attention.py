"""The juror of attention: what it rewards, part by part."""

import numpy as np
import pytest
from hypothesis import given, settings

from apsi.errors import ApsiError
from apsi.juror.attention import Attention
from apsi.juror.cache import CachedJuror
from apsi.juror.framed import FramedPhoto
from apsi.juror.mix import Mix
from apsi.photo import Photo
from apsi.photo.box import WHOLE, Box
from apsi.transform.crop_actions import grid_anchors
from tests.conftest import Redness, natural_photo
from tests.photo.test_box import boxes

WEIGHTS = {"kept": 0.6, "uncut": 0.1, "filled": 0.2, "placed": 0.1}
JUROR = Attention(WEIGHTS, faces=False)


def spot(x: float, y: float, side: int = 96) -> Photo:
    """A bright disc on plain ground, its centre at these shares."""
    down, across = (np.mgrid[:side, :side] + 0.5) / side
    photo = np.full((side, side, 3), 90, np.uint8)
    photo[(down - y) ** 2 + (across - x) ** 2 < 0.004] = (250, 240, 60)
    return photo


def framed(photo: Photo, box: Box) -> FramedPhoto:
    return FramedPhoto(box.cut(photo), photo, box)


def test_a_crop_with_the_subject_beats_one_without_and_one_that_cuts_it() -> None:
    photo = spot(0.4, 0.45)
    around, beside, through = Box(0.1, 0.1, 0.9, 0.9), Box(0.5, 0.1, 1, 0.9), Box(0.4, 0.1, 1, 0.9)
    scores = JUROR.score_framed([framed(photo, box) for box in (around, beside, through)])
    parts = JUROR.parts([framed(photo, box) for box in (around, beside, through)])
    assert scores[0] > max(scores[1:])
    assert parts["kept"][0] > 0.8 and parts["kept"][1] < 0.5
    assert parts["uncut"][0] > parts["uncut"][2] and parts["uncut"][2] == 0


def test_a_subject_on_a_third_is_better_placed_than_one_in_the_middle() -> None:
    photo = spot(0.5, 0.5)
    middle, third = Box(0.2, 0.2, 0.8, 0.8), Box(0.3, 0.3, 0.9, 0.9)
    parts = JUROR.parts([framed(photo, middle), framed(photo, third)])
    assert parts["placed"][1] > 0.3 and parts["placed"][0] < 0.1


def test_closer_fills_more() -> None:
    photo = spot(0.5, 0.5)
    filled = JUROR.parts([framed(photo, WHOLE), framed(photo, Box(0.25, 0.25, 0.75, 0.75))])["filled"]
    assert filled[1] > 1.5 * filled[0]


def test_the_whole_photo_keeps_all_and_cuts_nothing() -> None:
    parts = JUROR.parts([FramedPhoto(natural_photo(1)), framed(natural_photo(1), WHOLE)])
    assert parts["kept"] == pytest.approx([1, 1]) and parts["uncut"].tolist() == [1, 1]
    assert JUROR.score([natural_photo(1)]).tolist() == JUROR.score_framed([framed(natural_photo(1), WHOLE)]).tolist()


@settings(max_examples=30, deadline=None)
@given(box=boxes)
def test_scores_are_in_range_and_the_same_in_any_company(box: Box) -> None:
    photos = [natural_photo(2, 60, 90), spot(0.3, 0.6)]
    many = [framed(photo, b) for photo in photos for b in (box, *grid_anchors(12, 0.5)[:5])]
    together = JUROR.score_framed(many)
    assert ((together >= 0) & (together <= 10)).all()
    assert [float(JUROR.score_framed([one])[0]) for one in many] == together.tolist()


def test_a_flat_photo_and_a_box_of_nothing_have_scores() -> None:
    flat = np.full((50, 70, 3), 7, np.uint8)
    scores = JUROR.score_framed([framed(flat, Box(0, 0, 0.001, 0.001)), framed(flat, WHOLE)])
    assert np.isfinite(scores).all()


def test_the_cache_and_a_mix_tell_crops_of_one_photo_apart_and_of_equal_pixels() -> None:
    flat = np.full((96, 96, 3), 90, np.uint8)
    flat[40:50, 40:50] = 250
    left, right = framed(flat, Box(0, 0, 0.4, 1)), framed(flat, Box(0.6, 0, 1, 1))
    assert np.array_equal(left.photo[:, :38], right.photo[:, :38]), "the same pixels, from another place"
    cached = CachedJuror(JUROR, 100)
    boxes = [framed(flat, Box(0, 0, 0.5, 1)), framed(flat, Box(0, 0, 1, 0.5))]
    assert cached.sees_frame and cached.score_framed(boxes).tolist() == JUROR.score_framed(boxes).tolist()
    assert cached.score_framed(boxes).tolist() == JUROR.score_framed(boxes).tolist() and cached.hits == 2
    mix = Mix({"a": JUROR, "b": Redness()}, {"a": 1, "b": 1})
    assert mix.sees_frame and not Mix({"b": Redness()}, {"b": 1}).sees_frame
    expected = (JUROR.score_framed(boxes) + Redness().score([one.photo for one in boxes])) / 2
    assert mix.score_framed(boxes) == pytest.approx(expected)
    pooled: list[object] = []
    both = mix.pooled(lambda juror: pooled.append(juror) or juror)  # type: ignore[func-returns-value]
    assert len(pooled) == 1 and isinstance(pooled[0], Redness), "what sees frames stays in this process"
    assert both.score_framed(boxes).tolist() == mix.score_framed(boxes).tolist()


def test_weights_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ApsiError, match=r"unknown 'keept'\. Did you mean 'kept'"):
        Attention({"keept": 1.0, **{name: 1.0 for name in WEIGHTS if name != "kept"}})
    with pytest.raises(ApsiError, match="must not be negative, and not all 0"):
        Attention(dict.fromkeys(WEIGHTS, 0.0))
    assert Attention(WEIGHTS, faces=False).fingerprint != Attention({**WEIGHTS, "kept": 0.5}, faces=False).fingerprint
