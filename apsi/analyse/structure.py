"""How the photos lie to each other: groups, neighbours, and which are like no other."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from apsi.analyse.embedding import Points
from apsi.errors import ApsiError
from apsi.photo import Floats, Ints

Map = Literal["auto", "pca", "umap"]

MOST_CLUSTERS = 12
"""That are tried where none are asked for"""
NEIGHBOURS = 5
_DIMENSIONS = 50
_FITTED, _JUDGED = 10_000, 2_000
"""Photos at most that the groups are fitted on, and that a number of groups is judged by"""
_STARTS = 4
_AROUND = 15
CLEAR = 0.25
"""Silhouette above which groups count as such (Kaufman, Rousseeuw: Finding Groups in Data, 1990)"""


@dataclass(frozen=True)
class Structure:
    """Of N photos."""

    cluster: Ints
    """`(N,)`: the group of each, from 0, the largest first"""
    typical: Floats
    """`(N,)`: distance from the middle of the group"""
    silhouette: float | None
    """of the groups, -1 to 1, of at most 2,000 photos; None: there is only one"""
    tried: dict[int, float]
    """silhouette by number of groups, where it was chosen so"""
    neighbours: Ints
    """`(N, k)`: the nearest photos, the nearest first"""
    distances: Floats
    """`(N, k)`: how far these are"""
    uniqueness: Floats
    """`(N,)`: mean distance of the neighbours, as a share of the largest; 0: there are photos just like it"""
    place: Floats
    """`(N, 2)`: on a map"""
    map: str
    """what made the map: `UMAP` or `PCA`"""

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.cluster.max()) + 1 if len(self.cluster) else 0


def require_map(wanted: Map) -> None:
    """Refuses a map that can't be made here.

    Raises:
        ApsiError: UMAP is wanted and not installed.
    """
    if wanted == "umap" and find_spec("umap") is None:
        raise ApsiError("task.map=umap needs the package umap-learn: pip install 'apsi[umap]'; or take task.map=pca")


def find_structure(points: Points, *, clusters: int | None, seed: int, map: Map = "auto") -> Structure:
    """Groups, neighbours and a map; the same for the same points and seed.

    Args:
        points: `(N, D)`, N from 1 up.
        clusters: number of groups; None: the one from 2 to `MOST_CLUSTERS` with the best silhouette.
        seed: of what is drawn.
        map: how the plane is made; `auto`: by UMAP where it is installed.

    Raises:
        ApsiError: more groups than photos that differ.
    """
    different = len(np.unique(points, axis=0))
    if clusters is not None and clusters > different:
        raise ApsiError(f"task.clusters={clusters} is more than the {different} photos that differ: take fewer")
    with threadpool_limits(1):  # sums in one order, whatever the machine
        small = _reduced(points)
        cluster, typical, silhouette, tried = _clusters(small, clusters, different, seed)
        neighbours, distances = _neighbours(small)
    nearest = distances.mean(axis=1) if distances.shape[1] else np.zeros(len(small))
    uniqueness = nearest / max(float(nearest.max()), 1e-12)
    place, name = _map(small, map, seed)
    return Structure(cluster, typical, silhouette, tried, neighbours, distances, uniqueness, place, name)


def _reduced(points: Points) -> Floats:
    """The main directions, without the noise of the others; they come in one order with one sign."""
    dimensions = min(_DIMENSIONS, len(points) - 1, points.shape[1])
    if dimensions < 1 or not np.ptp(points, axis=0).any():  # all the same
        return np.zeros((len(points), 1))
    solver = "covariance_eigh" if len(points) > points.shape[1] else "full"
    reduced: Floats = PCA(dimensions, svd_solver=solver).fit_transform(points.astype(np.float64))
    return reduced


def _clusters(
    small: Floats, wanted: int | None, different: int, seed: int
) -> tuple[Ints, Floats, float | None, dict[int, float]]:
    rng = np.random.default_rng(seed)
    fitted_on = _drawn(len(small), _FITTED, rng)
    judged_by = _drawn(len(small), _JUDGED, rng)
    counts = [wanted] if wanted is not None else list(range(2, min(MOST_CLUSTERS, different - 1) + 1)) or [1]
    best: tuple[float, KMeans | None] = (-2.0, None)
    tried = {}
    for count in counts:
        means = KMeans(count, n_init=_STARTS, random_state=seed).fit(small[fitted_on])
        labels = means.predict(small[judged_by])
        is_judged = 1 < len(set(labels.tolist())) < len(judged_by)
        score = float(silhouette_score(small[judged_by], labels)) if is_judged else -1.0
        if is_judged:
            tried[count] = round(score, 4)
        if score > best[0]:
            best = (score, means)
    means = best[1]
    assert means is not None
    raw, distances = means.predict(small), means.transform(small)
    sizes = np.bincount(raw, minlength=means.n_clusters)
    order = [i for i in np.lexsort((np.arange(len(sizes)), -sizes)).tolist() if sizes[i]]
    rank = {old: new for new, old in enumerate(order)}
    cluster = np.array([rank[label] for label in raw.tolist()], np.int64)
    silhouette = best[0] if len(order) > 1 and tried else None
    return cluster, distances[np.arange(len(raw)), raw], silhouette, tried if wanted is None else {}


def _drawn(count: int, most: int, rng: np.random.Generator) -> Ints:
    return np.arange(count) if count <= most else np.sort(rng.permutation(count)[:most])


def _neighbours(small: Floats) -> tuple[Ints, Floats]:
    k = min(NEIGHBOURS, len(small) - 1)
    if k < 1:
        return np.empty((len(small), 0), np.int64), np.empty((len(small), 0))
    distances, found = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(small).kneighbors(small)
    rows = np.arange(len(small))
    is_own = found == rows[:, None]
    is_own[~is_own.any(axis=1), -1] = True  # among more than k photos just like it
    keep = ~is_own
    return found[keep].reshape(-1, k).astype(np.int64), distances[keep].reshape(-1, k)


def _map(small: Floats, wanted: Map, seed: int) -> tuple[Floats, str]:
    if wanted == "umap" or (wanted == "auto" and find_spec("umap") is not None and len(small) > _AROUND):
        from umap import UMAP

        made = UMAP(n_neighbors=min(_AROUND, len(small) - 1), random_state=seed, n_jobs=1).fit_transform(small)
        return np.asarray(made, np.float64), "UMAP"
    flat = np.zeros((len(small), 2))
    flat[:, : min(2, small.shape[1])] = small[:, :2]
    return flat, "PCA"
