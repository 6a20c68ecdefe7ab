"""Groups, neighbours and uniqueness: held against planted ones and against a slow reference."""

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.analyse import structure
from apsi.analyse.embedding import Points
from apsi.analyse.structure import find_structure, require_map
from apsi.errors import ApsiError


def blobs(sizes: tuple[int, ...], seed: int = 0, dimensions: int = 20) -> tuple[Points, list[int]]:
    """Points around middles that lie far apart, mixed, and whose they are."""
    rng = np.random.default_rng(seed)
    middles = 10 * np.eye(len(sizes), dimensions)
    of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    points = middles[of] + rng.normal(0, 0.3, (len(of), dimensions))
    return points.astype(np.float32), of.tolist()


def test_groups_that_are_there_are_found_and_numbered_by_size() -> None:
    points, of = blobs((9, 30, 18))
    found = find_structure(points, clusters=None, seed=1, map="pca")
    expected = {0: 2, 1: 0, 2: 1}
    assert found.cluster.tolist() == [expected[one] for one in of]
    assert found.count == 3 and found.silhouette is not None and found.silhouette > 0.8
    assert max(found.tried, key=lambda count: found.tried[count]) == 3
    assert (found.map, found.place.shape) == ("PCA", (57, 2))


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 12), repeated=st.integers(0, 6), seed=st.integers(0, 1000))
def test_neighbours_are_those_of_a_slow_search_and_never_the_photo_itself(count: int, repeated: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 4)).astype(np.float32)
    points = np.concatenate([points, np.repeat(points[:1], repeated, axis=0)])
    found = find_structure(points, clusters=1, seed=0, map="pca")
    k = min(structure.NEIGHBOURS, len(points) - 1)
    assert found.neighbours.shape == found.distances.shape == (len(points), k)
    distances = np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)
    for i in range(len(points)):
        others = np.sort(np.delete(distances[i], i))[:k]
        assert np.allclose(found.distances[i], others, atol=1e-5)
        assert i not in found.neighbours[i] and len(set(found.neighbours[i].tolist())) == k
        assert np.allclose(distances[i, found.neighbours[i]], others, atol=1e-5)


def test_what_is_like_no_other_is_the_most_unique_and_copies_the_least() -> None:
    points, _ = blobs((20, 20))
    points = np.concatenate([points, 40 * np.ones((1, 20)), np.repeat(points[:1], 6, axis=0)]).astype(np.float32)
    unique = find_structure(points, clusters=None, seed=0, map="pca").uniqueness
    assert unique.argmax() == 40 and unique[40] == 1
    assert np.allclose(unique[[0, *range(41, 47)]], 0, atol=1e-6) and np.delete(unique, [0, *range(41, 47)]).min() > 0


def test_the_same_points_and_seed_give_the_same() -> None:
    points, _ = blobs((15, 12, 9, 30), seed=3, dimensions=70)
    one, other = (find_structure(points, clusters=None, seed=5, map="pca") for _ in range(2))
    for name in ("cluster", "neighbours", "distances", "uniqueness", "place", "typical"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.tried, one.silhouette) == (other.tried, other.silhouette)


def test_groups_of_many_are_fitted_on_some_and_given_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "_FITTED", 30)
    monkeypatch.setattr(structure, "_JUDGED", 25)
    points, of = blobs((60, 40, 20))
    found = find_structure(points, clusters=None, seed=2, map="pca")
    assert found.cluster.tolist() == of


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_photos_have_what_they_can_have(count: int) -> None:
    points = np.eye(count, 6, dtype=np.float32)
    found = find_structure(points, clusters=None, seed=0, map="auto")
    assert found.cluster.shape == (count,) and found.place.shape == (count, 2) and found.map == "PCA"
    assert found.neighbours.shape == (count, count - 1) and np.isfinite(found.uniqueness).all()


def test_photos_that_are_all_the_same_are_one_group_and_more_can_not_be_asked_for() -> None:
    points = np.ones((9, 5), np.float32)
    found = find_structure(points, clusters=None, seed=0, map="pca")
    assert found.count == 1 and found.silhouette is None and not found.uniqueness.any()
    with pytest.raises(ApsiError, match=r"task\.clusters=3 is more than the 1 photos that differ"):
        find_structure(points, clusters=3, seed=0, map="pca")


@pytest.mark.skipif(find_spec("umap") is not None, reason="umap-learn is installed")
def test_umap_is_refused_where_it_is_not_installed() -> None:
    with pytest.raises(ApsiError, match=r"apsi\[umap\]"):
        require_map("umap")
    require_map("auto")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("umap") is None, reason="umap-learn is not installed: pip install 'apsi[umap]'")
def test_umap_keeps_groups_together_and_gives_the_same_twice() -> None:
    points, of = blobs((25, 25, 25))
    one, other = (find_structure(points, clusters=3, seed=4, map="auto") for _ in range(2))
    assert one.map == "UMAP" and np.array_equal(one.place, other.place)
    distances = np.linalg.norm(one.place[:, None] - one.place[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert [of[i] for i in distances.argmin(axis=1)] == of
