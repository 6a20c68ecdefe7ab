"""Photos as NumPy's `.npy` arrays, one after another: lossless, and fast to read."""

import io
import threading
import tokenize
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from apsi.photo import Photo, require_photo
from apsi.photo.read import UnreadablePhotoError

MEDIA_TYPE = "application/x-npy"
MAGIC = b"\x93NUMPY"

Shape = tuple[int, ...]

# NumPy reads a header with ast.literal_eval, which before CPython 3.11.8 and 3.12.2 fails now and then with a
# SystemError where two threads are in it (https://github.com/python/cpython/issues/106905).
_READING_HEADER = threading.Lock()


def pack_photos(photos: Sequence[Photo]) -> bytes:
    """Photos of any sizes as one body."""
    buffer = io.BytesIO()
    for photo in photos:
        np.save(buffer, require_photo(photo), allow_pickle=False)
    return buffer.getvalue()


def packed_arrays(data: bytes) -> Iterator[tuple[int, Shape]]:
    """Where the arrays of such a body begin and their shapes, `(H, W, 3)` or `(N, H, W, 3)`, read one by one.

    Nothing is reserved for what a header merely promises, and no pickle is read.

    Raises:
        UnreadablePhotoError: anything else.
    """
    buffer = io.BytesIO(data)
    while buffer.tell() < len(data):
        try:
            version = np.lib.format.read_magic(buffer)
            with _READING_HEADER:
                if version == (1, 0):
                    shape, fortran, dtype = np.lib.format.read_array_header_1_0(buffer)
                else:
                    shape, fortran, dtype = np.lib.format.read_array_header_2_0(buffer)
        except (ValueError, EOFError, OSError, TypeError, RecursionError, MemoryError, tokenize.TokenError) as error:
            raise UnreadablePhotoError(f"not a .npy array: {error}") from error
        if dtype != np.uint8 or fortran or len(shape) not in (3, 4) or shape[-1] != 3 or min(shape) < 1:
            raise UnreadablePhotoError(
                f"a photo is an (H, W, 3) uint8 array in C order, or (N, H, W, 3) for many; this is {shape} {dtype}"
            )
        start, size = buffer.tell(), prod(shape)
        if start + size > len(data):
            raise UnreadablePhotoError(f"truncated: an array {shape} needs {size} bytes, {len(data) - start} came")
        yield start, shape
        buffer.seek(start + size)


def unpack_photos(data: bytes) -> list[Photo]:
    """What `pack_photos` packed, or any sequence of `(H, W, 3)` and `(N, H, W, 3)` `uint8` arrays, as views of `data`.

    Raises:
        UnreadablePhotoError: anything else.
    """
    photos: list[Photo] = []
    for start, shape in packed_arrays(data):
        array = np.frombuffer(data, np.uint8, prod(shape), start).reshape(shape)
        photos += [array] if len(shape) == 3 else list(array)
    return photos
