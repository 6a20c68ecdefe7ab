"""Reading image files of any kind into photos."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from apsi.photo import Photo

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})

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


def decode_photo(data: bytes) -> Photo:
    """`read_photo` for the bytes of an image file."""
    if not data:
        raise UnreadablePhotoError("the file is empty")
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return _to_srgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        return _decode_deep_colour(data)
    except Image.DecompressionBombError as error:
        raise UnreadablePhotoError(f"too large: {error}") from error
    except (OSError, SyntaxError, ValueError, TypeError, EOFError) as error:  # what Pillow's decoders raise
        raise UnreadablePhotoError(f"corrupt or truncated: {error}") from error


def _to_srgb(image: Image.Image) -> Photo:
    if image.mode in ("F", "LAB", "HSV"):
        raise UnreadablePhotoError(f"pixel mode {image.mode} is not supported; export it as 8- or 16-bit RGB")
    if image.mode.startswith("I"):  # 16-bit gray, which convert() would clip instead of scaling
        values = np.asarray(image, dtype=np.int64)
        top = 65535 if values.max(initial=0) > 255 or image.mode.startswith("I;16") else 255
        return np.repeat((values * 255 / top).round().clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        rgb = Image.alpha_composite(white, rgba).convert("RGB")
    else:
        rgb = _apply_profile(image)
    return np.array(rgb, dtype=np.uint8)


def _apply_profile(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
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


def _decode_deep_colour(data: bytes) -> Photo:
    """16-bit colour TIFF, which Pillow can't open."""
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise UnreadablePhotoError("not an image")
    if values.dtype == np.uint16:
        values = (values.astype(np.float32) / 257).round().astype(np.uint8)
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] not in (3, 4):
        raise UnreadablePhotoError(f"pixels of type {values.dtype} {values.shape} are not supported")
    if values.shape[2] == 4:
        alpha = values[..., 3:].astype(np.float32) / 255
        values = (values[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    rgb: Photo = np.ascontiguousarray(values[..., ::-1])
    return rgb
