"""One look at a prepared data set: all that is found, in one value."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apsi.analyse.checks import findings
from apsi.analyse.embedding import Embedder, points
from apsi.analyse.material import Material
from apsi.analyse.quality import Finding, Limits, Looked, look
from apsi.analyse.scores import Cost, SplitScores, by_split, costs
from apsi.analyse.structure import Map, Structure, find_structure
from apsi.photo import Ints
from apsi.preprocess.copies import Copy, find_copies
from apsi.preprocess.engine.base import Engine


@dataclass(frozen=True)
class Files:
    """The photos' own files, for what working size does not show."""

    paths: dict[str, Path]
    """by name"""
    max_pixels: int
    """files with more are not read"""


@dataclass(frozen=True)
class Analysis:
    """What was found."""

    material: Material
    scores: tuple[SplitScores, ...]
    costs: tuple[Cost, ...]
    copies: tuple[Copy, ...]
    placed: Ints
    """the photos that `structure` is about"""
    points: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    """`(N, D)`: of these"""
    structure: Structure
    nearness: str
    """what near photos have in common, in words"""
    looked: tuple[Looked, ...] = ()
    """at each photo; empty: at none"""
    findings: tuple[Finding, ...] = ()

    @property
    def found(self) -> dict[str, int]:
        """How many photos each check found, by its name."""
        return {finding.check.name: len(finding.photos) for finding in self.findings}


def overview(
    material: Material, embedder: Embedder, engine: Engine, *, seed: int, most: int, store: Path | None = None
) -> Analysis:
    """What preparing leaves to be seen at little cost: scores, and groups of at most `most` photos, drawn by seed."""
    order = np.random.default_rng(seed).permutation(len(material.photos))
    placed = np.sort(order[:most]).astype(np.int64)
    return _analysis(material, material.near_duplicates, embedder, engine, placed, seed=seed, store=store, map="pca")


def analyse(
    material: Material,
    embedder: Embedder,
    engine: Engine,
    *,
    files: Files,
    limits: Limits,
    clusters: int | None,
    map: Map,
    seed: int,
    store: Path | None = None,
) -> Analysis:
    """All findings about all photos; the same for the same photos, settings and seed.

    Args:
        material: prepared photos.
        embedder: places them.
        engine: reads them.
        files: where the photos' own files are.
        limits: beyond which a photo is a finding.
        clusters: number of groups; None: chosen.
        map: how the map is made.
        seed: of what is drawn.
        store: folder that remembers points.

    Raises:
        ApsiError: more groups than photos.
    """
    copies = find_copies(material.records, [photo.image for photo in material.photos], engine)
    placed = np.arange(len(material.photos))
    found = _analysis(material, copies, embedder, engine, placed, seed=seed, store=store, map=map, clusters=clusters)
    looked = look(material, files.paths, engine, files.max_pixels)
    told = findings(material, looked, copies, limits)
    return Analysis(**{**vars(found), "looked": looked, "findings": told})


def _analysis(
    material: Material,
    copies: Sequence[Copy],
    embedder: Embedder,
    engine: Engine,
    placed: Ints,
    *,
    seed: int,
    store: Path | None,
    map: Map,
    clusters: int | None = None,
) -> Analysis:
    found = points([material.photos[i].image for i in placed.tolist()], embedder, engine, store)
    structure = find_structure(found, clusters=clusters, seed=seed, map=map)
    return Analysis(
        material,
        by_split(material),
        costs(material.copies),
        tuple(copies),
        placed,
        found,
        structure,
        embedder.words,
    )
