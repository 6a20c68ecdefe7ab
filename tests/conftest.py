"""Shared by all tests: small photos, and apsi in this process without a record of runs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from apsi.photo import Photo
from apsi.torchvision_ops import define_missing

define_missing()


def natural_photo(seed: int, height: int = 48, width: int = 64) -> Photo:
    """A made photo with a bright sky, a darker ground and correlated colours: something a juror can tell from noise."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (height, width)).astype(np.float32), (0, 0), 2)
    light = np.linspace(190, 70, height, dtype=np.float32)[:, None] + texture
    tint = np.array([1.0, 0.95, 0.85]) + rng.normal(0, 0.03, 3)
    return np.clip(light[..., None] * tint, 0, 255).astype(np.uint8)


@pytest.fixture
def photo() -> Photo:
    return natural_photo(0)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of prepared photos for all tests of a worker: what one test prepared the next finds."""
    return tmp_path_factory.mktemp("data")
