"""Resizing to working size."""

import numpy as np
import pytest

from apsi.photo import Photo
from apsi.photo.resample import fit, resample


def with_marked_middle(height: int, width: int, side: int) -> Photo:
    """Black, with a white square of `side` pixels in the middle."""
    photo = np.zeros((height, width, 3), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    photo[top : top + side, left : left + side] = 255
    return photo


@pytest.mark.parametrize(("height", "width"), [(40, 90), (90, 40), (40, 41), (41, 40), (40, 40)])
@pytest.mark.parametrize("size", [16, 33, 64])
def test_square_cuts_the_largest_centred_square(height: int, width: int, size: int) -> None:
    fitted = fit(with_marked_middle(height, width, min(height, width)), size, "square")
    assert fitted.shape == (size, size, 3)
    assert (fitted == 255).all()


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [
        (300, 400, 128, (96, 128)),
        (400, 300, 128, (128, 96)),
        (100, 100, 64, (64, 64)),
        (301, 399, 128, (96, 128)),
        (1000, 10, 64, (64, 2)),
        (30, 40, 128, (96, 128)),
    ],
    ids=["landscape", "portrait", "square", "odd", "thin", "enlarged"],
)
def test_longest_side_keeps_the_frame(height: int, width: int, size: int, expected: tuple[int, int]) -> None:
    fitted = fit(np.full((height, width, 3), 77, np.uint8), size, "longest_side")
    assert fitted.shape == (*expected, 3)
    assert (fitted == 77).all()


@pytest.mark.parametrize("size", range(16, 40))
def test_longest_side_makes_both_sides_even(size: int) -> None:
    """Only at even sizes does a shift by half undo itself."""
    height, width = fit(np.zeros((67, 101, 3), np.uint8), size, "longest_side").shape[:2]
    assert (height % 2, width % 2) == (0, 0)
    assert abs(width - size) <= 1
    assert abs(height - size * 67 / 101) <= 1


def test_an_unknown_mode_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"square.*longest_side"):
        fit(np.zeros((4, 4, 3), np.uint8), 16, "round")


def test_shrinking_averages_all_pixels() -> None:
    """Picking single pixels instead would make a chequered photo black or white."""
    chequered = np.indices((32, 32)).sum(axis=0) % 2 * 200
    photo = np.repeat(chequered[..., None], 3, axis=2).astype(np.uint8)
    assert (resample(photo, 8, 8) == 100).all()


@pytest.mark.parametrize(("width", "height"), [(10, 3), (3, 10), (50, 60), (20, 60), (21, 15)])
def test_resize_gives_exactly_the_size_asked_for(width: int, height: int) -> None:
    resized = resample(np.full((15, 21, 3), 9, np.uint8), width, height)
    assert resized.shape == (height, width, 3)
    assert resized.dtype == np.uint8
    assert (resized == 9).all()


def test_channels_keep_their_order() -> None:
    assert fit(np.full((30, 40, 3), [1, 2, 3], np.uint8), 16, "square")[0, 0].tolist() == [1, 2, 3]
