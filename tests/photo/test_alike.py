"""Copies of a photo are told from other photos."""

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from apsi.photo import Photo
from apsi.photo.alike import _CROPS, _crop, candidates, groups, is_copy, looks, outline
from apsi.photo.read import decode_photo, read_photo
from apsi.photo.resample import fit, resample
from tests.conftest import natural_photo

SHARED = Path(__file__).parents[3] / "shared" / "photos"


def saved_again(photo: Photo, quality: int = 30, image_format: str = "JPEG") -> Photo:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, image_format, quality=quality)
    return decode_photo(buffer.getvalue())


def cut(photo: Photo, *, top: float = 0, bottom: float = 0, left: float = 0, right: float = 0) -> Photo:
    """Without these shares of its sides."""
    h, w = photo.shape[:2]
    return photo[round(top * h) : round((1 - bottom) * h), round(left * w) : round((1 - right) * w)]


COPIES: dict[str, Callable[[Photo], Photo]] = {
    "JPEG": saved_again,
    "WebP": lambda photo: saved_again(photo, 40, "WEBP"),
    "half": lambda photo: resample(photo, photo.shape[1] // 2, photo.shape[0] // 2),
    "double": lambda photo: resample(photo, photo.shape[1] * 2, photo.shape[0] * 2),
    "lighter": lambda photo: (128 + 0.5 * photo).astype(np.uint8),
    "all sides cut": lambda photo: cut(photo, top=0.03, bottom=0.04, left=0.02, right=0.05),
    "one side cut": lambda photo: cut(photo, left=0.06),
    "cut, half, JPEG": lambda photo: saved_again(
        resample(cut(photo, top=0.05, right=0.04), photo.shape[1] // 2, photo.shape[0] // 2), 60
    ),
}


def found(photos: list[Photo], mode: str) -> list[int]:
    """The group of each photo."""
    prepared = [fit(photo, 128, mode) for photo in photos]
    outlines = [outline(photo) for photo in prepared]
    pairs = candidates(np.array([looks(photo) for photo in prepared]))
    return groups(len(photos), pairs, lambda one, other: is_copy(outlines[one], outlines[other]))


@pytest.mark.parametrize("mode", ["square", "longest_side"])
@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_whatever_was_done_to_it(name: str, mode: str) -> None:
    photo = natural_photo(5, 240, 320)
    assert found([photo, natural_photo(6, 240, 320), COPIES[name](photo)], mode) == [0, 1, 0]


@pytest.mark.parametrize("shape", [(128, 128), (40, 300), (301, 57), (32, 32), (20, 17)], ids=str)
def test_hashes_are_bit_for_bit_those_of_imagehash(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for photo in (natural_photo(7, *shape), noise, np.full((*shape, 3), 90, np.uint8)):
        gray = Image.fromarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
        expected = [int(str(imagehash.phash(_crop(gray, *crop))), 16) for crop in _CROPS]
        assert looks(photo).tolist() == expected and looks(photo).dtype == np.uint64


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs photographs in ../shared/photos")
@pytest.mark.parametrize("mode", ["square", "longest_side"])
def test_photographs_are_told_from_each_other_and_not_from_their_copies(mode: str) -> None:
    photos = [read_photo(path) for path in sorted(SHARED.glob("*.jpg"))[:40]]
    copies = [list(COPIES.values())[i % len(COPIES)](photo) for i, photo in enumerate(photos)]
    assert found(photos + copies, mode) == [*range(40), *range(40)]


def test_photos_without_details_are_compared_by_their_gray() -> None:
    gray = [np.full((64, 64, 3), level, np.uint8) for level in (50, 51, 90)]
    assert found(gray, "square") == [0, 0, 2]


def test_candidates_are_all_pairs_of_near_hashes_in_any_block() -> None:
    rng = np.random.default_rng(0)
    all_looks = rng.integers(0, 2**63, (150, 15), dtype=np.uint64)
    all_looks[149, 7] = all_looks[3, 0] ^ np.uint64(0b111111111111)  # 12 bits
    all_looks[140, 0] = all_looks[20, 9] ^ np.uint64(0b1)
    all_looks[141, 0] = all_looks[21, 9] ^ np.uint64(0b1111111111111)  # 13

    def near(one: int, other: int) -> bool:
        return any(
            int(all_looks[a, 0] ^ all_looks[b, k]).bit_count() <= 12
            for a, b in ((one, other), (other, one))
            for k in range(15)
        )

    expected = {pair for pair in combinations(range(150), 2) if near(*pair)}
    assert {(3, 149), (20, 140)} <= expected
    assert set(candidates(all_looks)) == expected


def test_groups_join_by_way_of_others_and_ask_no_more_than_they_must() -> None:
    asked: list[tuple[int, int]] = []

    def same(one: int, other: int) -> bool:
        asked.append((one, other))
        return (one, other) != (3, 4)

    assert groups(6, iter([(4, 5), (1, 2), (0, 2), (0, 1), (3, 4)]), same) == [0, 0, 0, 3, 4, 4]
    assert asked == [(4, 5), (1, 2), (0, 2), (3, 4)]
