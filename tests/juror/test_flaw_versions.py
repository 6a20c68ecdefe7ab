"""What the juror of flaws learns from: the same versions again, and pairs whose better one is nearer to the photo."""

from collections.abc import Sequence

import numpy as np
import pytest
from skimage import data

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.juror.flaw_statistics import features
from apsi.juror.flaw_versions import VersionMaker
from apsi.photo import Floats, Photo
from apsi.photo.resample import fit
from apsi.transform.catalogue import by_label


@pytest.fixture(scope="module")
def coffee() -> Photo:
    return fit(data.coffee(), 128, "square")


def described(photos: Sequence[Photo]) -> list[Floats]:
    return [features(photo) for photo in photos]


def maker(*edits: str) -> VersionMaker:
    return VersionMaker(
        instantiate(load_config(["degradation=photographic"]).degradation), tuple(map(by_label, edits)), described
    )


@pytest.mark.slow
def test_a_photo_and_its_number_have_the_same_versions_again(coffee: Photo) -> None:
    one, again, other = (maker("warmth", "unsharp").random(coffee, number) for number in (3, 3, 4))
    assert np.array_equal(one.rows, again.rows) and one.pairs == again.pairs
    assert not np.array_equal(one.rows, other.rows)


def test_the_photo_is_better_than_all_and_half_the_strength_than_the_whole(coffee: Photo) -> None:
    versions = maker("warmth").random(coffee, 0)
    assert np.array_equal(versions.rows[0], features(coffee))
    better = {(better, worse) for better, worse, _ in versions.pairs}
    assert {(0, row) for row in range(1, len(versions.rows))} <= better
    half = versions.n_flawed // 2
    assert {(1 + i, 1 + half + i) for i in range(half)} <= better
    apart = np.abs(np.array(versions.rows) - versions.rows[0]).sum(axis=1)
    assert apart[1 : 1 + half].mean() < apart[1 + half : 1 + 2 * half].mean()


def test_of_two_versions_the_nearer_is_better_by_how_much_counts() -> None:
    versions = maker("warmth").random(np.zeros((32, 32, 3), np.uint8), 0)
    del versions.pairs[:]
    for nearer in (2.0, -1.0, 9.0):
        versions.compare(5, 6, nearer)
    assert versions.pairs == [(5, 6, 0.5), (6, 5, 0.25), (5, 6, 1.0)]


@pytest.mark.parametrize("good", [True, False])
def test_what_a_juror_falls_for_is_added_as_worse_than_the_photo(coffee: Photo, good: bool) -> None:
    def likes_green(row: Floats) -> float:
        return float(row[16])  # mean of green

    made = maker("tint(-0.400)", "tint(+0.400)", "coolness")
    versions = made.random(coffee, 0)
    known = len(versions.rows)
    made.tempting(coffee, 0, versions, likes_green, good=good)
    added = versions.rows[known + (not good) :]
    assert len(added) == 9  # three steps, and of each the three best
    firsts = [likes_green(added[i]) for i in (0, 3, 6)]
    start = likes_green(versions.rows[0 if good else known])
    assert start < firsts[0] < firsts[1] < firsts[2]
    assert {(0, row) for row in range(known, len(versions.rows))} <= {(b, w) for b, w, _ in versions.pairs}


def test_nothing_is_gone_on_with_where_no_edit_tempts(coffee: Photo) -> None:
    made = maker("tint(+0.400)", "tint(+0.300)")
    versions = made.random(coffee, 0)
    known = len(versions.rows)
    made.tempting(coffee, 0, versions, lambda row: float(row[16]), good=True)
    assert len(versions.rows) == known + 2
