"""The photos of a request: what they will need, from their headers, then their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from starlette.exceptions import HTTPException

from apsi.photo import Photo
from apsi.photo.npy import MAGIC, packed_arrays, unpack_photos
from apsi.photo.read import UnreadablePhotoError, decode_photo, pixels_of

_KEPT = 3
"""Bytes of a decoded pixel"""
WORKING = 24
"""Bytes a pixel that are counted for decoding besides: what `decode_photo` says it takes, and room to spare"""


@dataclass(frozen=True)
class Contents:
    """What the files of a request will need."""

    photos: int
    decoded: int
    """bytes of all decoded photos; arrays need none, they stay where they came"""
    working: int
    """bytes besides while the largest of them is decoded"""


def look_into(files: Sequence[bytes], max_photos: int, max_pixels: int) -> Contents:
    """Reads headers only, and no further than to the first photo that is one too many or too large.

    Raises:
        HTTPException: a file that is no photo (400), more photos or pixels of one photo than allowed (413).
    """
    count, decoded, largest = 0, 0, 0
    for i, data in enumerate(files):
        try:
            if data.startswith(MAGIC):
                for _, shape in packed_arrays(data):
                    count += prod(shape[:-3])
                    _require(count, max_photos)
                    _require_small(prod(shape[-3:-1]), max_pixels, i)
            else:
                count += 1
                _require(count, max_photos)
                pixels = pixels_of(data)
                _require_small(pixels, max_pixels, i)
                decoded += _KEPT * pixels
                largest = max(largest, pixels)
        except UnreadablePhotoError as error:
            raise _refusal(i, error) from error
    return Contents(count, decoded, WORKING * largest)


def decode(files: Sequence[bytes], max_pixels: int) -> list[Photo]:
    """The photos, of whose files `look_into` approved.

    Raises:
        HTTPException: a file that is damaged behind its header.
    """
    photos: list[Photo] = []
    for i, data in enumerate(files):
        try:
            photos += unpack_photos(data) if data.startswith(MAGIC) else [decode_photo(data, max_pixels)]
        except UnreadablePhotoError as error:
            raise _refusal(i, error) from error
    return photos


def _require(count: int, max_photos: int) -> None:
    if count > max_photos:
        raise HTTPException(413, f"{count} photos or more in one request, at most {max_photos}")


def _require_small(pixels: int, max_pixels: int, i: int) -> None:
    if pixels > max_pixels:
        raise HTTPException(413, f"file {i} can't be scored: too large, {pixels} pixels, at most {max_pixels} pixels")


def _refusal(i: int, error: UnreadablePhotoError) -> HTTPException:
    return HTTPException(413 if str(error).startswith("too large") else 400, f"file {i} can't be scored: {error}")
