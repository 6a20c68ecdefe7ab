"""Where people probably look: what holds for any photo, and what stands out in made ones."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from apsi.photo import Floats, Photo
from apsi.photo.resample import resample
from apsi.transform.catalogue import by_label
from apsi.transform.saliency import _weights, centre_bias, features, held_out, places, saliency, spectral_residual
from tests.transform.test_full_size import made_photo

SIZES = [(300, 400), (481, 321), (36, 36), (1, 1), (1, 40), (40, 1), (2, 3), (60, 900), (900, 60)]


def scene(height: int = 300, width: int = 400) -> Photo:
    """Texture, and a striped disc of another colour."""
    photo = made_photo("textured", height, width).copy()
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(x - 0.7 * width, y - 0.4 * height) < 0.1 * height
    photo[disc] = np.where((x[disc] // 6 % 2 == 0)[:, None], (220, 40, 40), (240, 230, 60))
    return photo


def shared(a: Floats, b: Floats) -> float:
    return float(np.minimum(a, b).sum())


@pytest.mark.parametrize("look", [saliency, spectral_residual])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_map_is_of_the_shape_of_the_photo_small_and_1_in_all(
    look: Callable[[Photo], Floats], height: int, width: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for photo in (noise, scene(height, width)) if min(height, width) > 2 else (noise,):
        photo.flags.writeable = False
        looks = look(photo)
        assert looks.dtype == np.float64 and max(looks.shape) <= 64
        assert looks.sum() == pytest.approx(1) and looks.min() >= 0
        assert np.log(looks.shape[1] / looks.shape[0]) == pytest.approx(np.log(width / height), abs=0.5)
        assert np.array_equal(look(photo), looks)


@pytest.mark.parametrize("at", [(0.25, 0.3), (0.5, 0.5), (0.75, 0.6), (0.3, 0.7)])
@pytest.mark.parametrize(
    "colours", [((90, 90, 90), (240, 240, 240)), ((120, 120, 120), (200, 60, 60)), ((0, 0, 0), (9, 90, 9))]
)
def test_what_differs_from_a_plain_ground_is_found(
    at: tuple[float, float], colours: tuple[tuple[int, ...], ...]
) -> None:
    photo = np.full((240, 360, 3), colours[0], np.uint8)
    x, y = round(at[0] * 360), round(at[1] * 240)
    photo[y - 12 : y + 12, x - 12 : x + 12] = colours[1]
    looks = saliency(photo)
    row, column = np.unravel_index(looks.argmax(), looks.shape)
    assert (column + 0.5) / looks.shape[1] == pytest.approx(at[0], abs=0.06)
    assert (row + 0.5) / looks.shape[0] == pytest.approx(at[1], abs=0.08)


@pytest.mark.parametrize("shade", [0, 77, 255])
def test_a_flat_photo_is_looked_at_near_the_centre(shade: int) -> None:
    looks = saliency(np.full((90, 120, 3), shade, np.uint8))
    h, w = looks.shape
    assert looks.sum(axis=0) @ (np.arange(w) + 0.5) / w == pytest.approx(0.5)
    assert looks.sum(axis=1) @ (np.arange(h) + 0.5) / h == pytest.approx(0.45, abs=0.05)
    assert looks[h // 4 : -h // 4, w // 4 : -w // 4].sum() > 0.4  # of a quarter of the photo


def test_a_mirrored_photo_has_the_mirrored_map() -> None:
    for photo in (scene(), scene(321, 481)):
        assert shared(saliency(photo[:, ::-1]), saliency(photo)[:, ::-1]) > 0.99


def test_a_larger_or_smaller_or_recompressed_photo_has_the_same_map() -> None:
    photo = scene(384, 512)
    looks = saliency(photo)
    assert shared(saliency(resample(photo, 1024, 768)), looks) > 0.98
    assert shared(saliency(resample(photo, 256, 192)), looks) > 0.95
    encoded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    assert shared(saliency(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))), looks) > 0.95


@pytest.mark.parametrize(
    "label", ["exposure_up", "exposure_down", "contrast_up", "contrast_down", "saturation_up", "warmth"]
)
def test_a_photo_edited_in_light_or_colour_has_about_the_same_map(label: str) -> None:
    assert shared(saliency(by_label(label)(scene())), saliency(scene())) > 0.85


def test_faces_add_to_the_map_where_they_are() -> None:
    photo, face = scene(), np.array([[0.1, 0.6, 0.2, 0.75]])
    plain, faced = saliency(photo), saliency(photo, face)
    h, w = plain.shape
    inside = np.s_[round(0.6 * h) : round(0.75 * h), round(0.1 * w) : round(0.2 * w)]
    assert faced.sum() == pytest.approx(1)
    assert faced[inside].sum() == pytest.approx(0.15 + 0.85 * plain[inside].sum())
    assert np.array_equal(saliency(photo, np.zeros((0, 4))), plain)
    assert saliency(photo, np.array([[0.999, 0.0, 1.0, 0.001], [0, 0, 1, 1]])).sum() == pytest.approx(1)


def test_every_feature_and_place_has_a_weight() -> None:
    found = features(scene())
    assert [*found, *places(3, 4)] == list(_weights())
    assert len({feature.shape for feature in found.values()}) == 1


def test_about_half_of_all_names_are_held_out_and_always_the_same() -> None:
    names = [f"{number}.jpg" for number in range(1001, 1701)]
    assert 300 < sum(map(held_out, names)) < 400
    assert [held_out(name) for name in ("1001.jpg", "1005.jpg", "1012.jpg", "1013.jpg")] == [True, True, False, True]


def test_the_bias_to_the_centre_is_highest_there() -> None:
    bias = centre_bias(33, 65)
    assert bias.sum() == pytest.approx(1)
    assert np.unravel_index(bias.argmax(), bias.shape) == (16, 32)
