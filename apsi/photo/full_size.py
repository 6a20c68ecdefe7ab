"""Photographers' files, read whole: every pixel at its depth, in the file's own RGB, and what the file says beside."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, JpegImagePlugin
from PIL.TiffImagePlugin import TiffImageFile

from apsi.errors import ApsiError
from apsi.photo import Photo, png
from apsi.photo.depth import FINER, DeepPhoto, to_8_bits, to_whole
from apsi.photo.exif import has_further_pages
from apsi.photo.file import read_file
from apsi.photo.formats import develop_raw, kind_of, require_reader
from apsi.photo.metadata import Metadata, fields_of_tiff, metadata_of, orientation
from apsi.photo.read import (
    FORMATS,
    MAX_PIXELS,
    UnreadablePhotoError,
    apply_profile,
    decoding,
    is_negative,
    max_file_bytes,
    opened,
    require_bounded,
    to_photo,
)
from apsi.photo.resample import fit

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong with a file is said once, by apsi

FIRST_ONLY = "The file holds several pictures; the first is edited, the others are left out."
NO_EXIF = (
    "Camera, date, exposure and place were not found in the raw file, so that the edited version does not say them."
)

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT, _COMPRESSION = 258, 262, 339, 259
_GRAY, _RGB = (0, 1), (2,)
TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[:, ::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[::-1],
}
"""What EXIF's orientations ask for"""


@dataclass(frozen=True)
class PhotoFile:
    """A photographer's file, read whole."""

    path: Path
    format: str
    """`JPEG`, `PNG`, `TIFF`, `WEBP`, `BMP`, `AVIF`, `HEIF` or `RAW`"""
    pixels: DeepPhoto
    """`(H, W, 3)` `uint8`, or `uint16` where the file has 16 bits; upright, in the colours of `metadata.icc_profile`"""
    metadata: Metadata
    coding: Mapping[str, Any]
    """how its pixels were compressed, in words of Pillow's `save`"""
    remarks: tuple[str, ...] = ()
    """what an edited version won't have, in sentences"""

    def small_copy(self, size: int, mode: str) -> Photo:
        """A copy in 8 bits of sRGB for jurors and agents to look at; `size` and `mode` as for `fit`.

        Made small first, then converted: for files of 8 bits in sRGB the same as of `read_photo`, for those of 16 bits
        within a level, as `read_photo` takes the high byte of colours and this rounds.
        """
        small = fit(to_8_bits(self.pixels), size, mode)
        profile = self.metadata.icc_profile
        return np.array(apply_profile(Image.fromarray(small), profile)) if profile else small


def read_photo_file(path: Path, max_pixels: int = MAX_PIXELS) -> PhotoFile:
    """Reads a JPEG, PNG, TIFF, WebP, BMP, AVIF, HEIC or camera raw file, upright, at its depth and in its own RGB.

    Gray becomes RGB (sRGB, its profile applied), and so do palettes. An alpha channel without transparency is left out.
    Of several pages or frames the first is read. Raw is developed by LibRaw as the camera balanced the white, in sRGB
    and 16 bits. The limits are those of `apsi.photo.read.decode_photo`.

    Raises:
        UnreadablePhotoError: as for `read_photo`; it is CMYK or of another mode that edits are not made for; parts of
            it are transparent.
        ApsiError: it takes a package that is not installed.
        OSError: the file itself can't be opened, or is not a regular one.
        MemoryError: there is less memory than it takes.
    """
    data = read_file(path, max_file_bytes(max_pixels))
    kind = kind_of(path, data)
    try:
        package = require_reader(kind)
    except ApsiError as error:
        raise ApsiError(f"{path}: {error}") from error
    if kind == "RAW":
        return _read_raw(path, develop_raw(package, data, max_pixels), data)
    with opened(data, (kind,) if kind else FORMATS) as image, decoding(require_bounded(image, data, max_pixels)):
        return _read(path, image, data)


def _read(path: Path, image: Image.Image, data: bytes) -> PhotoFile:
    metadata, remarks = metadata_of(image, data), []
    if _has_further(image, data):
        remarks.append(FIRST_ONLY)
    name = "JPEG" if image.format == "MPO" else str(image.format)
    coding = _coding(image, data)
    if _is_deep(image, data) and not image.mode.startswith("I"):
        pixels = _deep_pixels(image, data)
        turn = 1 if name == "TIFF" else orientation(image, metadata)  # OpenCV has turned it already
    else:
        image.load()
        turn = orientation(image, metadata)  # only now, as Pillow turns some files while it reads them
        pixels = _require_opaque(_pixels(image))
    gray = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    if gray:
        metadata = replace(metadata, icc_profile=b"", chunks=png.without_colour(metadata.chunks))
    pixels = np.ascontiguousarray(TURNS.get(turn, lambda a: a)(pixels))
    return PhotoFile(path, name, pixels, metadata, coding, tuple(remarks))


def _has_further(image: Image.Image, data: bytes) -> bool:
    if isinstance(image, TiffImageFile):
        return has_further_pages(data)  # counting them would read them all
    return int(getattr(image, "n_frames", 1)) > 1


def _coding(image: Image.Image, data: bytes) -> dict[str, Any]:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(image)
        tables = [list(table) for _, table in sorted(image.quantization.items())]
        progressive = bool(image.info.get("progressive"))
        return {"subsampling": max(0, sampling), "progressive": progressive} | ({"qtables": tables} if tables else {})
    if isinstance(image, TiffImageFile):
        return {"compressed": image.tag_v2.get(_COMPRESSION, 1) != 1}
    if image.format == "WEBP":
        return {"lossless": _is_lossless_webp(data)}
    return {}


def _is_lossless_webp(data: bytes) -> bool:
    at = 12
    while at + 8 <= len(data):  # a chunk's name and size, and a byte where that is odd (RFC 9649)
        if data[at : at + 3] == b"VP8" and data[at + 3 : at + 4] != b"X":
            return data[at : at + 4] == b"VP8L"
        at += 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1) // 2 * 2
    return False


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether it has 16 bits; what has more, or other than whole numbers without a sign, is refused."""
    if image.format == "PNG":
        return png.depth(data) == 16
    if not isinstance(image, TiffImageFile):
        return False
    bits = {int(value) for value in np.atleast_1d(image.tag_v2.get(_BITS, 1))}
    signs = {int(value) for value in np.atleast_1d(image.tag_v2.get(_SAMPLE_FORMAT, 1))}
    if max(bits) > 8 and (bits != {16} or signs - {1, 4} or image.tag_v2.get(_PHOTOMETRIC) not in (*_GRAY, *_RGB)):
        raise UnreadablePhotoError("its pixels are not supported; export it as 8- or 16-bit RGB")
    return bits == {16}


def _deep_pixels(image: Image.Image, data: bytes) -> DeepPhoto:
    """Colours of a file whose header Pillow has read: OpenCV reads 16 bits a channel, which Pillow would make 8."""
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise UnreadablePhotoError(f"corrupt or truncated: {error.err}") from error
    sides = {image.size, image.size[::-1]}
    if found is None or found.dtype != np.uint16 or found.ndim != 3 or found.shape[1::-1] not in sides:
        raise UnreadablePhotoError("corrupt or truncated, or 16 bits of a kind that is not read")
    order = [2, 1, 0, 3][: found.shape[2]]
    return _require_opaque(np.asarray(found)[..., order])


def _pixels(image: Image.Image) -> npt.NDArray[Any]:
    """`(H, W, 3)`, or `(H, W, 4)` where it has an alpha channel."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        values = 65_535 - values if is_negative(image) else values
        return _gray_in_srgb(np.repeat(values[..., None], 3, axis=2), image.info.get("icc_profile") or b"")
    if image.mode == "CMYK":
        raise UnreadablePhotoError("it is CMYK, for printing; edits are made in RGB: convert it to RGB first")
    if image.mode not in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "YCbCr"):
        raise UnreadablePhotoError(f"pixel mode {image.mode} is not supported; export it as 8- or 16-bit RGB")
    if image.mode in ("LA", "La"):
        return np.dstack([to_photo(image.convert("L")), np.asarray(image.convert("LA"))[..., 1]])
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return to_photo(image)
    alpha = "transparency" in image.info or image.mode in ("PA", "RGBA", "RGBa")
    return np.asarray(image.convert("RGBA" if alpha else "RGB"))


def _require_opaque(pixels: npt.NDArray[Any]) -> DeepPhoto:
    if pixels.shape[2] == 4 and pixels[..., 3].min() < np.iinfo(pixels.dtype).max:
        raise UnreadablePhotoError("parts of it are transparent, which edits don't keep: flatten it first")
    return pixels[..., :3]


def _gray_in_srgb(pixels: DeepPhoto, profile: bytes) -> DeepPhoto:
    """16 bits of gray through the curve that a profile of gray has from black to white."""
    ramp = np.arange(256, dtype=np.uint8)
    curve = np.asarray(apply_profile(Image.fromarray(ramp[None]), profile))[0, :, 0].astype(float) * FINER
    if np.array_equal(curve, ramp * float(FINER)):
        return pixels
    table = to_whole(np.interp(np.arange(256 * FINER), ramp * float(FINER), curve), np.uint16)
    return np.asarray(table[pixels], np.uint16)


def _read_raw(path: Path, pixels: DeepPhoto, data: bytes) -> PhotoFile:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    metadata = Metadata(exif=fields_of_tiff(data), icc_profile=srgb)
    return PhotoFile(path, "RAW", pixels, metadata, {}, () if metadata.exif else (NO_EXIF,))
