"""The score cache: right scores, scored once, bounded."""

from collections.abc import Sequence

import numpy as np

from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.photo import Floats, Photo


class Brightness(Juror):
    """Scores by brightness and remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.version = 1

    @property
    def fingerprint(self) -> str:
        return f"brightness-{self.version}"

    def score(self, photos: Sequence[Photo]) -> Floats:
        self.batches.append(len(photos))
        return np.array([photo.mean() / 25.5 for photo in photos]) / self.version


def gray(value: int, shape: tuple[int, int] = (4, 4)) -> Photo:
    return np.full((*shape, 3), value, np.uint8)


def test_a_photo_is_scored_once_even_within_a_batch() -> None:
    inner = Brightness()
    cached = CachedJuror(inner, 10)
    assert cached.score([gray(0), gray(255), gray(0)]).tolist() == [0, 10, 0]
    assert cached.score([gray(255), gray(0)]).tolist() == [10, 0]
    assert inner.batches == [2]
    assert (cached.hits, cached.misses) == (3, 2)
    assert cached.hit_rate == 0.6


def test_equal_pixels_in_another_shape_are_another_photo() -> None:
    inner = Brightness()
    CachedJuror(inner, 10).score([gray(7, (2, 8)), gray(7, (8, 2)), gray(7, (4, 4))])
    assert inner.batches == [3]


def test_the_oldest_scores_go_first_when_the_cache_is_full() -> None:
    inner = Brightness()
    cached = CachedJuror(inner, 2)
    for value in (1, 2, 1, 3, 1):  # 2 is the one not asked for again when 3 comes
        cached.score([gray(value)])
    assert inner.batches == [1, 1, 1]
    cached.score([gray(2)])
    assert inner.batches == [1, 1, 1, 1]


def test_a_batch_larger_than_the_cache_is_scored_right() -> None:
    cached = CachedJuror(Brightness(), 2)
    photos = [gray(value) for value in range(0, 250, 10)]
    assert cached.score(photos).tolist() == Brightness().score(photos).tolist()


def test_scores_of_another_fingerprint_are_not_used() -> None:
    inner = Brightness()
    cached = CachedJuror(inner, 10)
    cached.score([gray(255)])
    inner.version = 2
    assert cached.score([gray(255)]).tolist() == [5]


def test_an_empty_batch_has_no_scores() -> None:
    assert CachedJuror(Brightness(), 2).score([]).shape == (0,)
