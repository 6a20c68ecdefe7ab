"""Photos as points: alike photos lie near each other."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from apsi.juror.neural import NeuralJuror
from apsi.photo import Floats, Photo
from apsi.photo.hash import pixel_hash
from apsi.photo.resample import resample
from apsi.photo.write import read_png
from apsi.preference.feature_store import FEATURES_FILE, FeatureStore
from apsi.preprocess.base import batches
from apsi.preprocess.engine.base import Engine

Points = npt.NDArray[np.float32]

_BATCH = 64
_SIDE, _COLOURS, _CELLS, _DIRECTIONS = 64, 6, 4, 8
_LIGHT = 0.5
"""Weight of lightness beside colour: light changes between shots of one scene, colours less"""


class Embedder(ABC):
    """Makes a point of every photo, of length 1."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Names what makes the points: part of the key under which they are remembered."""

    @property
    @abstractmethod
    def words(self) -> str:
        """What photos that lie near each other have in common, in a sentence."""

    @abstractmethod
    def embed(self, photos: Sequence[Photo]) -> Floats:
        """`(N, D)`; a photo's point does not depend on the others."""


class Layout(Embedder):
    """Colours and the directions of edges, by place: needs no network, and knows nothing of what is shown."""

    @property
    def fingerprint(self) -> str:
        return "layout-1"

    @property
    def words(self) -> str:
        return (
            "Photos that lie near each other have like colours and edges in like places, whatever they show. A network "
            "tells what is shown: add juror/backbone@task.backbone=resnet18 task.backbone.weights=FILE.pth, or use a "
            "juror that has one."
        )

    def embed(self, photos: Sequence[Photo]) -> Floats:
        return np.stack([_layout(photo) for photo in photos])


class Network(Embedder):
    """The outputs of a network before its last layer."""

    def __init__(self, network: NeuralJuror) -> None:
        """Takes the network.

        Args:
            network: a neural juror, or a backbone without scores.
        """
        self.network = network

    @property
    def fingerprint(self) -> str:
        return f"network-{self.network.fingerprint}"

    @property
    def words(self) -> str:
        return f"Photos that lie near each other look alike to the network {self.network.fingerprint}."

    def embed(self, photos: Sequence[Photo]) -> Floats:
        raw = self.network.through(photos, lambda outputs: np.asarray(outputs, np.float64).reshape(len(outputs), -1))
        made: Floats = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12)
        return made


def points(images: Sequence[Path], embedder: Embedder, engine: Engine, store: Path | None = None) -> Points:
    """The points `(N, D)` of photos.

    Args:
        images: files as `write_png` writes them.
        embedder: makes the points.
        engine: reads the files.
        store: folder that remembers points in `FEATURES_FILE`, by pixels and embedder; None: none is remembered.
    """
    with closing(_Remembered(embedder, store)) as remembered:
        found: list[Points] = []
        with engine.stream(read_png, images, "Placing photos") as photos:
            for batch in batches(photos, _BATCH):
                found.append(remembered.points(batch))
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


class _Remembered:
    def __init__(self, embedder: Embedder, folder: Path | None) -> None:
        self._embedder = embedder
        self._store = None if folder is None else FeatureStore(folder / FEATURES_FILE)

    def points(self, photos: Sequence[Photo]) -> Points:
        if self._store is None:
            return self._embedder.embed(photos).astype(np.float32)
        maker, keys = f"points-{self._embedder.fingerprint}", [pixel_hash(photo).hex() for photo in photos]
        known: dict[str, Floats] = self._store.load(maker, keys)
        fresh = {key: photo for key, photo in zip(keys, photos, strict=True) if key not in known}
        if fresh:
            made = dict(zip(fresh, self._embedder.embed(list(fresh.values())), strict=True))
            self._store.save(maker, made)
            known |= made
        return np.stack([known[key] for key in keys]).astype(np.float32)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def _layout(photo: Photo) -> Floats:
    """Mean colours of 6 x 6 fields and directions of edges in 4 x 4, of a copy of 64 x 64 pixels."""
    small = resample(photo, _SIDE, _SIDE)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    fields = cv2.resize(lab, (_COLOURS, _COLOURS), interpolation=cv2.INTER_AREA).astype(np.float64)
    fields[..., 0] = _LIGHT * (fields[..., 0] - 50)
    smooth = cv2.GaussianBlur(lab[..., 0], (0, 0), 1)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, *way, scale=0.125) for way in ((1, 0), (0, 1)))
    strength = np.hypot(dx, dy).astype(np.float64)
    direction = (np.arctan2(dy, dx) % np.pi * _DIRECTIONS / np.pi).astype(int) % _DIRECTIONS
    cell = np.arange(_SIDE) * _CELLS // _SIDE
    where = (cell[:, None] * _CELLS + cell) * _DIRECTIONS + direction
    edges = np.bincount(where.ravel(), strength.ravel(), _CELLS * _CELLS * _DIRECTIONS)
    return _unit(np.concatenate([_unit(fields.ravel()), _unit(np.sqrt(edges))]))


def _unit(row: Floats) -> Floats:
    length = float(np.linalg.norm(row))
    return row / length if length > 0 else row
