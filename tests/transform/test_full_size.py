"""What is done to a small version is the same edit on the full-size photo, however large, and whatever its shape."""

from functools import cache

import cv2
import numpy as np
import pytest

from apsi.photo import Photo
from apsi.photo.depth import to_16_bits
from apsi.photo.resample import resample
from apsi.transform import detail
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.detail import Blur, gaussian
from apsi.transform.full_size import apply, part_left_by
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

ALL: list[Transform] = [
    *(t for label, t in catalogue().items() if label != STOP_LABEL and not label.startswith("shift_")),
    *(Adjust(name, strength) for name in ADJUSTMENTS for strength in (-1.0, -0.4, 0.4, 1.0)),
]
"""but for the shifts by half, whose pixel more or less where a side is odd is tested elsewhere"""
WITH_A_SIZE = [*(t for t in detail.TRANSFORMS), *(Adjust("blur_sharpen", s) for s in (-1.0, -0.4, 0.4, 1.0))]
HARD = {"sharpen_8": 6.5, "clahe": 4.2, "sharpen_4": 3.0}
"""Tolerance of those that raise fine contrast manifold, the rounding of the small photo's pixels included"""


@cache
def made_photo(kind: str, height: int, width: int) -> Photo:
    """Smooth colours, or shapes, an edge, and texture down to details that a shorter side of 128 barely shows."""
    short = min(height, width)
    y, x = np.mgrid[:height, :width] / short
    if kind == "smooth":
        waves = [125 + 80 * np.sin(4 * x + 2 * y), 120 + 70 * np.cos(3 * y - x), 110 + 60 * np.sin(5 * y * x)]
        return np.clip(np.stack(waves, axis=2), 0, 255).astype(np.uint8)
    rng = np.random.default_rng(0)
    layers = [cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), short / n) for n in (60, 200)]
    texture = 14 * layers[0] / layers[0].std() + 8 * layers[1] / layers[1].std()
    light = 120 + 60 * np.sin(7 * x + 3 * y) + 40 * (y > 0.55) + texture
    return np.clip(light[..., None] * np.array([1.0, 0.9, 0.75]), 0, 255).astype(np.uint8)


def difference(a: Photo, b: Photo) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("transform", ALL, ids=lambda transform: transform.label)
@pytest.mark.parametrize("kind", ["smooth", "textured"])
@pytest.mark.parametrize(("height", "width"), [(512, 512), (320, 480)])
def test_edit_then_shrink_agrees_with_shrink_then_edit(
    transform: Transform, kind: str, height: int, width: int
) -> None:
    """Within 2.6 of 255 on average for all but the hard ones: 4 times as large, and 2.5 times and not square."""
    large = made_photo(kind, height, width)
    expected = transform(resample(large, 128 * width // height, 128))
    replayed = resample(transform(large), expected.shape[1], expected.shape[0])
    assert difference(replayed, expected) < HARD.get(transform.label, 2.6)


@pytest.mark.parametrize("transform", WITH_A_SIZE, ids=lambda transform: transform.label)
def test_sizes_grow_with_the_photo(transform: Transform) -> None:
    """By less than half of what the edit changes; a blur that forgets to grow is off by more."""
    large = made_photo("textured", 320, 480)
    small = resample(large, 192, 128)
    expected = transform(small)
    assert difference(resample(transform(large), 192, 128), expected) < 0.45 * difference(expected, small)


@pytest.mark.parametrize(("neighbours", "middle", "corner"), [(4, 5, 0), (8, 9, -1)])
def test_sharpening_is_the_well_known_kernel_at_the_reference_size(neighbours: int, middle: int, corner: int) -> None:
    photo = made_photo("textured", 128, 128)
    kernel = np.array([[corner, -1, corner], [-1, middle, -1], [corner, -1, corner]], np.float64)
    filtered = cv2.filter2D(photo.astype(np.float64), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    assert np.array_equal(by_label(f"sharpen_{neighbours}")(photo), np.clip(filtered, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("label", ["sharpen_4", "sharpen_8"])
def test_sharpening_large_photos_the_fast_way_is_the_same(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = made_photo("textured", 608, 620)
    exact = by_label(label)(photo)
    monkeypatch.setattr(detail, "_LARGE_BOX", 3.0)  # 4.75 and 14.25 pixels become 5 and 15: by 5 %
    assert difference(by_label(label)(photo), exact) < 1.5


@pytest.mark.parametrize("size", [3, 5, 7, 9, 11])
def test_blurs_have_kernels_of_their_size_at_the_reference_size(size: int) -> None:
    photo = made_photo("textured", 128, 160)
    assert np.array_equal(by_label(f"blur_box_{size}")(photo), cv2.blur(photo, (size, size)))
    assert np.array_equal(by_label(f"blur_median_{size}")(photo), cv2.medianBlur(photo, size))
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8  # as OpenCV derives it from a kernel's size
    assert np.array_equal(by_label(f"blur_gauss_{size}")(photo), cv2.GaussianBlur(photo, (0, 0), sigma))


def test_a_median_too_large_for_opencv_is_taken_of_a_smaller_version() -> None:
    """Kernels beyond 255 overflow its 16-bit counts: on photos such as this one an assertion fails."""
    photo = np.full((400, 400, 3), 200, np.uint8)
    photo[:, :160] = 10
    photo[::7, ::5] = 90  # specks, which a median takes away
    blurred = Blur("median", 101)(photo)  # 101 * 400 / 128 = 315
    assert blurred.shape == photo.shape
    assert set(np.unique(blurred[:, :100])) == {10}
    assert set(np.unique(blurred[:, 220:])) == {200}


def test_a_wide_gaussian_of_a_smaller_version_is_as_good() -> None:
    photo = made_photo("textured", 512, 640)
    for sigma in (4.5, 8.0, 12.0):  # 18, 32 and 48 pixels of this photo
        exact = cv2.GaussianBlur(photo, (0, 0), 4 * sigma)
        found = np.abs(gaussian(photo, sigma).astype(int) - exact)
        assert found.mean() < 0.6
        assert found.max() <= 3


@pytest.mark.parametrize(
    "labels",
    [["crop_1_1"], ["crop_thirds", "crop(0.100,0.205,0.800,0.650,3:2)"], ["crop(0.010,0.000,0.990,1.000)"] * 3, []],
    ids=lambda labels: ",".join(labels) or "nothing",
)
@pytest.mark.parametrize("deep", [False, True])
def test_what_a_recipe_leaves_that_only_cuts_is_known_to_the_pixel(labels: list[str], deep: bool) -> None:
    photo = natural_photo(4, 301, 457)
    given = to_16_bits(photo) if deep else photo
    part = part_left_by(Recipe.of(labels), given)
    assert part is not None
    left, top, right, bottom = part
    assert np.array_equal(given[top:bottom, left:right], apply(Recipe.of(labels), given))


@pytest.mark.parametrize(
    "labels", [["warmth"], ["crop_1_1", "flip_horizontal"], ["level_horizon"], ["warmth", "crop_1_1"]]
)
def test_of_a_recipe_that_does_more_no_part_is_known(labels: list[str]) -> None:
    assert part_left_by(Recipe.of(labels), natural_photo(4, 90, 120)) is None
