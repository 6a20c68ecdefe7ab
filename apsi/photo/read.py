"""Reading image files of any kind into photos."""

import io
import struct
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import BufferedReader
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from apsi.photo import Photo
from apsi.photo.file import open_regular, read_file
from apsi.photo.jpeg import count_scans

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})

MAX_PIXELS = 200_000_000
"""Pixels of the largest photo that is read unless told otherwise: phones reach 200 million, medium format 151"""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
_MAX_SCANS = 100
_FULL_SCANS = 16
"""Scans of the largest photo: more of them need a smaller one; cameras and encoders write up to 12"""
_LARGE_PIXELS = 50_000_000
_ON_ITS_SIDE = (5, 6, 7, 8)
"""EXIF orientations under which width and height change places"""
_one_large = threading.Lock()
_STRIP_PIXELS = 1_000_000
_STORED_SIDES, _PHOTOMETRIC, _STRIP_BYTES, _TILE_BYTES = (256, 257), 262, (279, 325), (322, 323)
"""TIFF tags: width and height; what its numbers mean; bytes of each strip or tile; width and height of a tile"""

Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit; decode_photo has another, which can be set


class UnreadablePhotoError(Exception):
    """The file can't be used as a photo; the message is the reason."""


def max_file_bytes(max_pixels: int) -> int:
    """Bytes that a file of so many pixels may have: 16-bit RGBA without compression, and what stands beside it."""
    return 64 * 1024**2 + 8 * max_pixels


def read_photo(path: Path, max_pixels: int = MAX_PIXELS) -> Photo:
    """Reads an image file as `(H, W, 3)` `uint8` sRGB, upright.

    EXIF orientation is applied, an embedded colour profile is converted to sRGB, transparency is laid on white,
    16-bit values are scaled to 8 bits; of several frames or pages the first is taken.

    Raises:
        UnreadablePhotoError: empty, truncated, corrupt, not an image, or larger than `max_pixels`.
        OSError: the file itself can't be opened, or is not a regular one.
        MemoryError: there is less memory than it takes.
    """
    return decode_photo(read_file(path, max_file_bytes(max_pixels)), max_pixels)


def read_size(path: Path) -> tuple[int, int]:
    """Height and width of an upright photo, from the header of its file: no pixel is decoded.

    Raises:
        UnreadablePhotoError: not an image, or of a kind that is not read.
        OSError: the file itself can't be opened, or is not a regular one.
    """
    with open_regular(path) as file, opened(file) as image:
        return upright_size(image)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an image that was opened and not loaded, as it is once it is upright."""
    turned = image.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
    if isinstance(image, TiffImageFile):  # of which Pillow itself gives the upright size, some versions not
        turned = turned and image.size == tuple(image.tag_v2.get(tag) for tag in _STORED_SIDES)
    return (image.width, image.height) if turned else (image.height, image.width)


def decode_photo(data: bytes, max_pixels: int | None = None, formats: tuple[str, ...] = FORMATS) -> Photo:
    """`read_photo` for the bytes of an image file.

    What the header asks for is held against the limits before anything is unpacked: a decoder can't be interrupted.
    Up to 10 bytes a pixel are in use (16 for WebP); of large photos one is unpacked at a time.

    Args:
        data: a whole file.
        max_pixels: a photo with more is refused; None: `MAX_PIXELS`.
        formats: names of Pillow's decoders that may be asked.
    """
    with opened(data, formats) as image:
        pixels = require_bounded(image, data, MAX_PIXELS if max_pixels is None else max_pixels)
        with decoding(pixels):
            image.load()
            _turn_upright(image)
            return to_photo(image)


def pixels_of(data: bytes) -> int:
    """How many pixels an image file has, by its header; `decode_photo` raises the same errors."""
    with opened(data) as image:
        return image.width * image.height


def decoding(pixels: int) -> AbstractContextManager[object]:
    """To be held while so many pixels are unpacked: large photos are one at a time."""
    return _one_large if pixels > _LARGE_PIXELS else nullcontext()


@contextmanager
def opened(data: bytes | BufferedReader, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """An image file with its header read and nothing decoded; what its decoder raises is an `UnreadablePhotoError`.

    Args:
        data: a whole file, or one that was opened and of which nothing more is read than is needed.
        formats: names of Pillow's decoders that may be asked.
    """
    if not data:
        raise UnreadablePhotoError("the file is empty")
    try:
        # only these: other decoders of Pillow's may call programs, such as Ghostscript for EPS
        with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=formats) as image:
            yield image
    except UnidentifiedImageError as error:
        raise UnreadablePhotoError("not an image, or of a kind that is not read") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        EOFError,
        RuntimeError,
        struct.error,
    ) as error:  # what Pillow's decoders raise
        if "out of memory" in str(error):
            raise MemoryError(str(error)) from error
        raise UnreadablePhotoError(f"corrupt or truncated: {error}") from error


def require_bounded(image: Image.Image, data: bytes, max_pixels: int) -> int:
    """The pixels of an image that was opened and not loaded, all limits kept."""
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise UnreadablePhotoError(f"too large: {image.width} x {image.height}, at most {max_pixels} pixels")
    if isinstance(image, JpegImageFile):
        allowed = min(_MAX_SCANS, _FULL_SCANS * max_pixels // max(1, pixels))
        if count_scans(data, allowed) > allowed:
            raise UnreadablePhotoError(
                f"too many scans: at most {allowed} in a JPEG of {image.width} x {image.height}; save it anew"
            )
    if isinstance(image, TiffImageFile):
        _require_honest_tiles(image, len(data), max_pixels)
    return pixels


def _require_honest_tiles(image: TiffImageFile, size: int, max_pixels: int) -> None:
    """Refuses a tile larger than a photo may be, and strips that all read the same bytes again."""
    tile = [int(image.tag_v2.get(tag, 0)) for tag in _TILE_BYTES]
    stored = sum(int(np.sum(image.tag_v2.get(tag, 0))) for tag in _STRIP_BYTES)
    if tile[0] * tile[1] > max_pixels or stored > 2 * size:
        raise UnreadablePhotoError(
            f"corrupt or truncated: {tile[0]} x {tile[1]} tiles, {stored:,} bytes in a file of {size:,}"
        )


def _turn_upright(image: Image.Image) -> None:
    # a broken EXIF block says nothing; the pixels are whole
    with suppress(SyntaxError, ValueError, TypeError, OSError, struct.error):
        ImageOps.exif_transpose(image, in_place=True)


def to_photo(image: Image.Image) -> Photo:
    """The pixels in sRGB, converted strip by strip: what conversions hold on the way is small."""
    if image.mode in ("F", "LAB", "HSV"):
        raise UnreadablePhotoError(f"pixel mode {image.mode} is not supported; export it as 8- or 16-bit RGB")
    top = 255
    if image.mode.startswith("I"):
        highest = image.getextrema()[1]
        top = 65535 if image.mode.startswith("I;16") or int(highest) > 255 else 255  # type: ignore[arg-type]  # one band
    negative = is_negative(image)
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    if rows >= height:
        return _to_srgb(image, top, negative)
    photo = np.empty((height, width, 3), np.uint8)
    for y in range(0, height, rows):
        below = min(y + rows, height)
        photo[y:below] = _to_srgb(image.crop((0, y, width, below)), top, negative)
    return photo


def is_negative(image: Image.Image) -> bool:
    """Whether an image holds white as 0, as gray TIFF files of 16 bits may: Pillow turns round only those of 8."""
    return isinstance(image, TiffImageFile) and image.mode.startswith("I;16") and image.tag_v2.get(_PHOTOMETRIC) == 0


def _to_srgb(image: Image.Image, top: int, negative: bool) -> Photo:
    """Args: an image or a strip of one; of gray with more than 8 bits what is white, and `is_negative`."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit gray, which convert() would clip instead of scaling
        values = np.asarray(image, dtype=np.int64)
        values = top - values if negative else values
        image = Image.fromarray((values * 255 / top).round().clip(0, 255).astype(np.uint8))
    elif "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, rgba).convert("L" if image.mode.startswith("L") else "RGB")
    elif image.mode == "P":
        image = image.convert("RGB")
    return np.array(apply_profile(image, profile), dtype=np.uint8)


def apply_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image in sRGB, where it has a profile that fits."""
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken or mismatched profile: the pixels are read as sRGB, as viewers do
    return image.convert("RGB")
