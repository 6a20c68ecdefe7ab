"""Counting what a JPEG file asks of its decoder."""

import io
import re
import time

import pytest
from PIL import Image

from apsi.photo.jpeg import count_scans
from apsi.photo.read import UnreadablePhotoError, decode_photo


def jpeg(size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_scans(count: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A gray progressive JPEG whose last scan is repeated until there are `count`."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 90, 90)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    starts = [match.start() for match in re.finditer(rb"\xff\xda", data)]
    return data[:-2] + data[starts[-1] : -2] * (count - len(starts)) + data[-2:]


def test_scans_are_counted() -> None:
    assert count_scans(jpeg(), 100) == 1
    assert count_scans(jpeg(progressive=True), 100) == 10
    assert count_scans(with_scans(57), 100) == 57
    assert count_scans(with_scans(57), 20) == 21, "one more than the limit is enough to know"


def test_only_the_image_itself_counts_not_its_thumbnail_nor_what_stands_behind_it() -> None:
    thumbnail = jpeg((16, 16))
    exif = b"Exif\0\0" + thumbnail * 3
    assert count_scans(jpeg(exif=exif), 100) == 1
    assert count_scans(jpeg() + b"\xff\xda\0\x02" * 500, 100) == 1


@pytest.mark.parametrize("cut", [0, 1, 3, 30, 700])
def test_a_broken_file_has_some_number(cut: int) -> None:
    data = jpeg(progressive=True)
    assert 0 <= count_scans(data[:cut], 100) <= 10
    assert count_scans(data[cut:], 100) <= 100


def test_thousands_of_scans_are_refused_before_one_is_decoded() -> None:
    data = with_scans(3000, (3000, 2000))
    began = time.monotonic()
    with pytest.raises(UnreadablePhotoError, match="too many scans: at most 100 in a JPEG of 3000 x 2000; save it"):
        decode_photo(data)
    assert time.monotonic() - began < 5  # decoding takes minutes


def test_how_many_scans_are_decoded_falls_with_the_size_of_the_photo() -> None:
    assert decode_photo(with_scans(60)).shape == (48, 64, 3)
    with pytest.raises(UnreadablePhotoError, match="too many scans: at most 16"):
        decode_photo(with_scans(60), max_pixels=64 * 48)
    assert decode_photo(with_scans(16), max_pixels=64 * 48).shape == (48, 64, 3)


def test_a_long_run_of_fill_bytes_takes_no_longer_than_other_bytes() -> None:
    """It is legal in front of a marker and may stand in entropy data; a search that goes back takes hours for it."""
    data = jpeg()
    start = data.index(b"\xff\xda") + 20
    began = time.process_time()
    assert count_scans(data[:start] + b"\xff" * 1_000_000 + b"\x00" + data[start:], 100) == 1
    assert time.process_time() - began < 2
