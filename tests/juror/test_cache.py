"""The score cache: right scores, scored once, bounded."""

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror, ScoreStore
from apsi.photo import Floats, Photo
from tests.command_line import small_disk


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


def open_cache(path: Path, inner: Juror) -> CachedJuror:
    return CachedJuror(inner, 10, ScoreStore(path))


def test_scores_on_disk_serve_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.sqlite3"
    photos = [gray(value) for value in range(0, 250, 10)]
    expected = open_cache(path, Brightness()).score(photos).tolist()
    later = Brightness()
    cached = open_cache(path, later)
    assert cached.score(photos).tolist() == expected
    assert later.batches == []
    assert cached.hit_rate == 1
    later.version = 2  # another juror
    assert cached.score([gray(51)]).tolist() == [1]


def test_a_damaged_score_is_scored_again(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    open_cache(path, Brightness()).score([gray(51), gray(102)])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE scores SET value = zeroblob(12)")
    inner = Brightness()
    assert open_cache(path, inner).score([gray(51), gray(102)]).tolist() == [2, 4]
    assert inner.batches == [2]


def test_a_file_that_is_no_cache_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "scores.sqlite3").write_bytes(b"not a database" * 500)
    with pytest.raises(ApsiError, match=r"scores.sqlite3 can't be used.*delete it"):
        ScoreStore(tmp_path / "scores.sqlite3")


def test_scoring_goes_on_when_the_disk_is_full(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small_disk(tmp_path / "disk", "1M") as _:
        store = ScoreStore(tmp_path / "disk" / "scores.sqlite3")
        cached = CachedJuror(Brightness(), 10, store)
        for start in range(0, 60_000, 3000):
            photos = [np.frombuffer((start + i).to_bytes(3), np.uint8).reshape(1, 1, 3) for i in range(3000)]
            np.testing.assert_allclose(cached.score(photos), Brightness().score(photos))
        store.close()
    assert sum("no longer remembered on disk" in record.message for record in caplog.records) == 1


@pytest.mark.slow
def test_several_processes_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        results = list(processes.map(score_many, [path] * 6, range(6)))
    for first, scores in enumerate(results):
        assert scores == [pytest.approx((first * 10 + i) / 25.5) for i in range(60)]
    inner = Brightness()
    open_cache(path, inner).score([gray(value) for value in range(110)])
    assert inner.batches == []


def score_many(path: Path, first: int) -> list[float]:
    cached = open_cache(path, Brightness())
    return [float(cached.score([gray(first * 10 + i)])[0]) for i in range(60)]
