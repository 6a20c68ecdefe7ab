"""Points of photos: of one photo whatever the others, alike for what looks alike, remembered."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from apsi.analyse.embedding import Embedder, Layout, Network, points
from apsi.analyse.material import Material
from apsi.device.calibration import Setting
from apsi.juror.mapping import Linear
from apsi.juror.neural import NeuralJuror
from apsi.photo import Floats, Photo
from apsi.photo.resample import resample
from apsi.preference.feature_store import FEATURES_FILE
from apsi.preprocess.engine.local import Local
from tests.analyse.conftest import usual
from tests.conftest import natural_photo


class Counting(Layout):
    """Counts the photos that it is asked about."""

    asked = 0

    def embed(self, photos: Sequence[Photo]) -> Floats:
        self.asked += len(photos)
        return super().embed(photos)


class Means(NeuralJuror):
    """A network whose outputs are the mean colours."""

    model = None
    is_on_cpu = True
    fingerprint = "means"

    def __init__(self) -> None:
        super().__init__(Linear(0, 1), 2)

    def outputs(self, photos: Sequence[Photo], setting: Setting) -> Floats:
        return np.array([photo.mean(axis=(0, 1)) for photo in photos])

    def read(self, outputs: object) -> Floats:
        return np.asarray(outputs, np.float64).mean(axis=1)

    def backend(self) -> dict[str, object]:
        return {}


def test_the_nearest_of_a_slightly_cropped_brighter_or_smaller_photo_is_the_photo() -> None:
    photos = [usual(i) for i in range(12)]
    whole = Layout().embed(photos)
    assert np.allclose(np.linalg.norm(whole, axis=1), 1)
    changes = (
        [photo[4:-4, 4:-4] for photo in photos],
        [np.clip(photo.astype(int) + 20, 0, 255).astype(np.uint8) for photo in photos],
        [resample(photo, 64, 48) for photo in photos],
    )
    for changed in changes:
        distances = np.linalg.norm(Layout().embed(changed)[:, None] - whole[None], axis=2)
        assert distances.argmin(axis=1).tolist() == list(range(12))


def test_a_point_does_not_depend_on_the_others_and_there_is_one_of_a_black_photo() -> None:
    photos = [natural_photo(1), np.zeros((30, 40, 3), np.uint8), natural_photo(2)]
    together = Layout().embed(photos)
    for photo, point in zip(photos, together, strict=True):
        assert np.array_equal(Layout().embed([photo])[0], point)
    assert np.isfinite(together).all()


def test_points_of_a_network_are_its_outputs_with_length_1() -> None:
    photos = [usual(i) for i in range(3)]
    means = np.array([photo.mean(axis=(0, 1)) for photo in photos])
    network: Embedder = Network(Means())
    assert np.allclose(network.embed(photos), means / np.linalg.norm(means, axis=1, keepdims=True))
    assert "means" in network.fingerprint and "means" in network.words


def test_points_are_remembered_by_pixels_and_what_made_them(material: Material, tmp_path: Path) -> None:
    images = [photo.image for photo in material.photos]
    first, again = Counting(), Counting()
    found = points(images, first, Local(2), tmp_path)
    assert found.shape == (len(images), 236) and found.dtype == np.float32
    assert first.asked == len(images) - 1  # one file is there twice
    assert np.array_equal(points(images[::-1], again, Local(2), tmp_path)[::-1], found) and again.asked == 0
    assert np.array_equal(points(images, Counting(), Local(1)), found)
    (tmp_path / FEATURES_FILE).unlink()
    assert points([], Counting(), Local(1), tmp_path).shape == (0, 0)
