"""Reading image files of any kind into photos."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from apsi.photo import Photo

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")

Image.MAX_IMAGE_PIXELS = 300_000_000  # medium-format cameras reach 150 MP; Pillow refuses twice this


class UnreadablePhotoError(Exception):
    """The file can't be used as a photo; the message is the reason."""


def read_photo(path: Path) -> Photo:
    """Reads an image file as `(H, W, 3)` `uint8` sRGB, upright.

    EXIF orientation is applied, an embedded colour profile is converted to sRGB, transparency is laid on white,
    16-bit values are scaled to 8 bits; of several frames or pages the first is taken.

    Raises:
        UnreadablePhotoError: empty, truncated, corrupt or not an image.
        OSError: the file itself can't be opened.
    """
    return decode_photo(path.read_bytes())


def decode_photo(data: bytes, max_pixels: int | None = None) -> Photo:
    """`read_photo` for the bytes of an image file; one of more than `max_pixels` is refused before it is unpacked."""
    with _opened(data) as image:
        if max_pixels is not None and image.width * image.height > max_pixels:
            raise Image.DecompressionBombError(f"{image.width} x {image.height}, at most {max_pixels} pixels")
        image.load()
        return _to_srgb(_upright(image))


def pixels_of(data: bytes) -> int:
    """How many pixels an image file has, by its header; `decode_photo` raises the same errors."""
    with _opened(data) as image:
        return image.width * image.height


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    if not data:
        raise UnreadablePhotoError("the file is empty")
    try:
        # only these: other decoders of Pillow's may call programs, such as Ghostscript for EPS
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            yield image
    except UnidentifiedImageError as error:
        raise UnreadablePhotoError("not an image, or of a kind that is not read") from error
    except Image.DecompressionBombError as error:
        raise UnreadablePhotoError(f"too large: {error}") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        EOFError,
        struct.error,
    ) as error:  # what Pillow's decoders raise
        raise UnreadablePhotoError(f"corrupt or truncated: {error}") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, OSError, struct.error):
        return image  # a broken EXIF block says nothing; the pixels are whole


def _to_srgb(image: Image.Image) -> Photo:
    if image.mode in ("F", "LAB", "HSV"):
        raise UnreadablePhotoError(f"pixel mode {image.mode} is not supported; export it as 8- or 16-bit RGB")
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit gray, which convert() would clip instead of scaling
        values = np.asarray(image, dtype=np.int64)
        top = 65535 if values.max(initial=0) > 255 or image.mode.startswith("I;16") else 255
        image = Image.fromarray((values * 255 / top).round().clip(0, 255).astype(np.uint8))
    elif "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, rgba).convert("L" if image.mode.startswith("L") else "RGB")
    elif image.mode == "P":
        image = image.convert("RGB")
    return np.array(_apply_profile(image, profile), dtype=np.uint8)


def _apply_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
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
