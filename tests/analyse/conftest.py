"""Photos of which it is known what is wrong with each, prepared once."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from apsi.analyse.analysis import Analysis, Files, analyse
from apsi.analyse.embedding import Layout
from apsi.analyse.material import Material
from apsi.analyse.quality import Limits
from apsi.dataset.folder import Folder
from apsi.photo import Photo
from apsi.photo.resample import resample
from apsi.photo.write import write_png
from apsi.preprocess.engine.local import Local
from apsi.preprocess.steps import Prepared
from tests.conftest import natural_photo
from tests.preprocess.conftest import SEQUENTIAL, Warmth, prepare  # noqa: F401 - a fixture

ENLARGE = {"train": 1, "val": 1, "test": 1}


def usual(seed: int) -> Photo:
    """A warm photo with fine detail."""
    noise = np.random.default_rng(seed).normal(0, 12, (96, 128, 1))
    return np.clip(natural_photo(seed, 96, 128) * np.array([1.0, 0.8, 0.6]) + noise, 0, 255).astype(np.uint8)


def planted() -> dict[str, Photo]:
    """Photos by name: what is wrong is in the name."""
    return {
        **{f"usual {i:02d}": usual(i) for i in range(10)},
        "bright": (255 - (255 - usual(55)) / 3).astype(np.uint8),
        "blurry": cv2.GaussianBlur(usual(51), (0, 0), 4).astype(np.uint8),
        "dark": (usual(54) / 3).astype(np.uint8),
        "low contrast": (np.array([100, 85, 70]) + usual(56) / 3).astype(np.uint8),
        "near duplicate of usual 03": resample(usual(3)[2:-2, 2:-2], 120, 90),
        "panorama": np.concatenate([usual(60), usual(61)], axis=1),
        "small": resample(usual(53), 28, 20),
        "same as usual 04": usual(4),
        "uniform": np.full((96, 128, 3), (140, 90, 70), np.uint8),
    }


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted photos, as files; not to be changed."""
    place = tmp_path_factory.mktemp("planted")
    for name, photo in planted().items():
        write_png(place / f"{name}.png", photo)
    return place


@pytest.fixture(scope="session")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory, prepare: Callable[..., Prepared]) -> Prepared:  # noqa: F811
    """These, prepared, two versions of each."""
    return prepare(folder, tmp_path_factory.mktemp("data"), versions=2, degradation=SEQUENTIAL, juror=Warmth())


@pytest.fixture(scope="session")
def material(made: Prepared) -> Material:
    return Material.load(made.folder)


def files(folder: Path) -> Files:
    return Files({file.name: file.path for file in Folder(str(folder), ENLARGE, []).listing().files}, 1_000_000)


@pytest.fixture(scope="session")
def analysis(material: Material, folder: Path) -> Analysis:
    return analyse(material, Layout(), Local(2), files=files(folder), limits=Limits(), clusters=3, map="pca", seed=0)
