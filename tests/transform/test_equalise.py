"""Local equalisation: of the same strength at every size, and as strong as OpenCV's where that counts finely enough."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from apsi.photo import Photo
from apsi.photo.read import read_photo
from apsi.photo.resample import resample
from apsi.transform.catalogue import by_label
from apsi.transform.equalise import Equalisation
from tests.transform.test_full_size import made_photo

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"


def equalise(lightness: Photo, limit: float) -> npt.NDArray[np.float32]:
    return Equalisation(lightness, limit).of_rows(np.arange(len(lightness)), lightness)


def lightness(photo: Photo) -> Photo:
    return np.ascontiguousarray(cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2LAB)[..., 0]).astype(np.uint8)


def finely_counted(photo: Photo) -> float:
    """Mean lightness after OpenCV's own at 12 megapixels, where a whole number of pixels is as good as a share."""
    height, width = photo.shape[:2]
    factor = 3000 / min(height, width)
    large = cv2.resize(lightness(photo), (round(width * factor), round(height * factor)), interpolation=cv2.INTER_CUBIC)
    return float(cv2.createCLAHE(2.0, (8, 8)).apply(large).mean())


def sized(photo: Photo, side: int) -> Photo:
    height, width = photo.shape[:2]
    return resample(photo, round(side * width / min(height, width)), round(side * height / min(height, width)))


@pytest.mark.parametrize("kind", ["smooth", "textured"])
@pytest.mark.parametrize("light", [0.5, 1.0])
def test_a_photo_becomes_as_light_at_every_size_as_at_full_size(kind: str, light: float) -> None:
    photo = (made_photo(kind, 600, 900) * light).astype(np.uint8)
    expected = finely_counted(photo)
    found = [lightness(by_label("clahe")(sized(photo, side))).mean() for side in (96, 128, 200, 321, 600)]
    assert found == pytest.approx([expected] * 5, abs=2)
    assert np.ptp(found) < 1.5


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")
def test_real_photos_become_as_light_when_small_as_at_full_size() -> None:
    off = []
    for path in sorted(PHOTOS.iterdir())[::25]:
        photo = read_photo(path)
        large, small = (lightness(by_label("clahe")(p)).mean() for p in (photo, sized(photo, 128)))
        off.append([large - finely_counted(photo), small - large])
    assert np.abs(off).mean(axis=0) == pytest.approx([0, 0], abs=1.2)
    assert np.abs(np.mean(off, axis=0)).max() < 1


def test_the_limit_bounds_how_far_tones_are_spread() -> None:
    hazy = np.random.default_rng(0).integers(90, 110, (128, 128), dtype=np.uint8)
    spread = [hazy.std(), *(equalise(hazy, limit).std() for limit in (1, 2, 4, 256))]
    assert all(more > 1.2 * less for less, more in pairwise(spread))


def test_one_lightness_stays_about_where_it_is() -> None:
    for level in (0, 60, 128, 200, 255):
        assert equalise(np.full((40, 60), level, np.uint8), limit=2) == pytest.approx(level, abs=5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3), (8, 9), (500, 2)])
def test_a_photo_with_fewer_pixels_than_tiles_is_equalised_too(shape: tuple[int, int]) -> None:
    spread = equalise(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), limit=2)
    assert spread.shape == shape
    assert 0 <= spread.min() <= spread.max() <= 255.001


def test_there_are_no_steps_between_tiles() -> None:
    """Two halves with curves of their own; a smooth sky across them stays smooth."""
    sky = np.tile(np.linspace(100, 140, 640), (640, 1)) + np.linspace(0, 40, 640)[:, None]
    sky[:, :300] += np.random.default_rng(0).normal(0, 12, (640, 300))
    spread = equalise(np.clip(sky, 0, 255).astype(np.uint8), limit=2)
    assert np.abs(np.diff(spread[:, 320:], axis=1)).max() < 6
