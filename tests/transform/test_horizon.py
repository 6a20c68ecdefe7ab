"""Levelling: how exactly a tilt is found, and what the levelled photo looks like."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo import Photo
from apsi.photo.read import read_photo
from apsi.transform.catalogue import by_label
from apsi.transform.horizon import lean

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
TILTS = [sign * tilt for tilt in (0.5, 1.0, 2.0, 3.3, 5.0, 6.5, 8.0) for sign in (1, -1)]


def drawn(width: int, height: int, degrees: float, kind: str, seed: int = 0) -> Photo:
    """A bright sky over darker ground, whose edge falls to the right by so many degrees."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    line = height * rng.uniform(0.35, 0.65) + np.tan(np.radians(degrees)) * (x - width / 2)
    ground = (y > line).astype(float) if kind == "stairs" else np.clip(y - line + 0.5, 0, 1)
    light = 200 - 140 * ground
    if kind == "noisy":
        light += rng.normal(0, 15, light.shape)
    if kind == "hazy":
        texture = cv2.GaussianBlur(rng.normal(0, 40, light.shape), (0, 0), 2)
        light = cv2.GaussianBlur(200 - 60 * ground, (0, 0), width / 150) + texture
    return np.clip(light, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def turned(photo: Photo, degrees: float) -> Photo:
    """Falls to the right by so many degrees more, without the corners."""
    h, w = photo.shape[:2]
    turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), -degrees, 1.0)
    whole = cv2.warpAffine(photo, turn, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    radians = np.radians(abs(degrees))
    shrink = 1 / (np.cos(radians) + max(w / h, h / w) * np.sin(radians))
    down, across = int((1 - shrink) * h / 2) + 1, int((1 - shrink) * w / 2) + 1
    return whole[down : h - down, across : w - across].astype(np.uint8)


@pytest.mark.parametrize("kind", ["stairs", "smooth", "noisy", "hazy"])
@pytest.mark.parametrize("size", [(192, 128), (128, 192), (640, 427), (1300, 1300)])
def test_the_tilt_of_a_drawn_horizon_is_found_within_a_tenth_of_a_degree(kind: str, size: tuple[int, int]) -> None:
    tilts = TILTS if max(size) < 1000 else TILTS[::5]
    found = [lean(drawn(*size, tilt, kind, seed)) for seed, tilt in enumerate(tilts)]
    assert None not in found
    off = np.abs(np.array(found, float) - tilts)
    assert off.mean() <= 0.1
    assert off.max() <= 0.5


@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")
def test_by_how_much_a_real_photo_was_turned_is_found_within_a_third_of_a_degree() -> None:
    off, left = [], 0
    for path in sorted(PHOTOS.iterdir()):
        photo = read_photo(path)
        own = lean(photo)
        for degrees in (-5.0, -2.0, -0.5, 1.0, 3.0):
            if own is not None and abs(own + degrees) < 9:
                now = lean(turned(photo, degrees))
                left += now is None
                off += [] if now is None else [abs(now - own - degrees)]
    assert len(off) >= 100
    assert np.mean(off) <= 0.3
    assert left <= len(off)  # where a turn cuts the horizon short, the photo is left as it is


@pytest.mark.parametrize("tilt", [-8.0, -1.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("size", [(192, 128), (300, 500)])
def test_a_levelled_photo_is_level_and_has_no_corner_from_outside(tilt: float, size: tuple[int, int]) -> None:
    photo = drawn(*size, tilt, "smooth")
    photo[..., 2] = 200
    levelled = by_label("level_horizon")(photo)
    again = lean(levelled)
    assert again is not None and abs(again) < 0.1
    assert set(np.unique(levelled[0])) == {200} and set(np.unique(levelled[-1, :, 0])) == {60}
    assert levelled.min() >= 60  # black comes from outside
    share = levelled.shape[0] / photo.shape[0]
    assert share > 1 - 1.1 * max(size) / min(size) * np.tan(np.radians(abs(tilt))) - 0.02
    assert levelled.shape[1] / photo.shape[1] == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("degrees", [0, 0.05])
def test_a_level_photo_stays_as_it_is(degrees: float) -> None:
    photo = drawn(640, 400, degrees, "smooth")
    assert np.array_equal(by_label("level_horizon")(photo), photo)


def test_a_photo_without_a_horizon_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:200, :300]
    crossed = drawn(300, 200, 4, "smooth") // 2 + drawn(300, 200, -6, "smooth", seed=3) // 2
    steep = np.where(y > 100 + 0.3 * (x - 150), 60, 200).astype(np.uint8)[..., None].repeat(3, 2)
    framed = np.full((200, 300, 3), 120, np.uint8)
    framed[:3] = framed[-3:] = 0
    for photo in (rng.integers(0, 256, (200, 300, 3), dtype=np.uint8), crossed, steep, framed):
        assert lean(photo) is None
        assert np.array_equal(by_label("level_horizon")(photo), photo)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_any_small_photo_is_looked_at_without_harm(height: int, width: int, seed: int) -> None:
    found = lean(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))
    assert found is None or abs(found) <= 10


def test_a_mirrored_photo_leans_the_other_way() -> None:
    photo = drawn(320, 240, 3.0, "noisy")
    there, back = lean(photo), lean(np.ascontiguousarray(photo[:, ::-1]))
    assert there is not None and back is not None
    assert there == pytest.approx(-back, abs=0.1)
