"""Files of any kind as photos `(H, W, 3)` `uint8` RGB: what `read` reads, AVIF, and, by extras, HEIC and camera raw."""

import io
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from PIL import features

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.depth import DeepPhoto, to_8_bits
from apsi.photo.file import open_regular, read_file
from apsi.photo.read import (
    FORMATS,
    MAX_PIXELS,
    UnreadablePhotoError,
    decode_photo,
    decoding,
    max_file_bytes,
    opened,
    upright_size,
)

SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        "PNG": (".png",),
        "TIFF": (".tif", ".tiff"),
        "WEBP": (".webp",),
        "BMP": (".bmp", ".dib"),
        "AVIF": (".avif",),
        "HEIF": (".heic", ".heif", ".hif"),
        "RAW": (
            *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2", ".pef"),
            *(".srw", ".raw", ".rwl", ".dcr", ".kdc", ".mrw", ".erf", ".mef", ".mos", ".iiq", ".3fr", ".fff", ".x3f"),
        ),
    }
)
"""How the names of files end, by what they are"""
FORMAT_OF = {suffix: kind for kind, suffixes in SUFFIXES.items() for suffix in suffixes}

_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIF", b"heix": "HEIF", b"heim": "HEIF", b"heis": "HEIF"}
_BRANDS |= {b"hevc": "HEIF", b"hevx": "HEIF", b"mif1": "HEIF", b"msf1": "HEIF", b"crx ": "RAW"}
_BRAND_BYTES = 64
_ORIENTATION_OF_FLIP = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7, 90: 6, 180: 3, 270: 8}
"""EXIF's orientation by LibRaw's `flip`: bits for mirroring across, down and along the diagonal, or degrees"""
_EXTRAS = {"HEIF": ("pillow_heif", "HEIC files", "heif"), "RAW": ("rawpy", "camera raw files", "raw")}


def kind_of(path: Path, data: bytes) -> str:
    """What Pillow does not tell apart by itself: `RAW`, `HEIF` or `AVIF`; empty for all else.

    Args:
        path: by which camera raw is known.
        data: the file, or its first 64 bytes.
    """
    if path.suffix.lower() in SUFFIXES["RAW"]:
        return "RAW"
    if data[4:8] != b"ftyp":
        return ""
    end = min(_BRAND_BYTES, int.from_bytes(data[:4], "big"))
    brands = [data[i : i + 4] for i in (8, *range(16, end, 4))]
    found = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    return "AVIF" if "AVIF" in found else next(iter(found), "")


def why_unread(suffix: str) -> str:
    """Why files whose names end so can't be read here, with the extra that is missing; empty where they can."""
    kind = FORMAT_OF.get(suffix.lower())
    if kind is None:
        common = " ".join(sorted(s.lstrip(".") for k in (*FORMATS, "AVIF", "HEIF") for s in SUFFIXES[k]))
        return f"not an image format that is read ({common}, camera raw)"
    if kind in _EXTRAS and find_spec(_EXTRAS[kind][0]) is None:
        return _needs(kind)
    if kind == "AVIF" and not features.check("avif"):
        return "AVIF files need Pillow 11.3 or newer, with AVIF in it: pip install -U pillow"
    return ""


def require_reader(kind: str) -> ModuleType | None:
    """The package that reads a kind of file, ready for use; None where Pillow alone does.

    Raises:
        ApsiError: it is not installed.
    """
    if kind == "AVIF" and not features.check("avif"):
        raise ApsiError("AVIF files need Pillow 11.3 or newer, with AVIF in it: pip install -U pillow")
    if kind not in _EXTRAS:
        return None
    try:
        package = import_module(_EXTRAS[kind][0])
    except ImportError as error:
        raise ApsiError(_needs(kind)) from error
    if kind == "HEIF":
        package.register_heif_opener()
    return package


def read_any(path: Path, max_pixels: int = MAX_PIXELS) -> Photo:
    """`decode_any` of a file.

    Raises:
        OSError: the file itself can't be opened, or is not a regular one.
    """
    return decode_any(path, read_file(path, max_file_bytes(max_pixels)), max_pixels)


def decode_any(path: Path, data: bytes, max_pixels: int = MAX_PIXELS) -> Photo:
    """The photo in a file, upright, in sRGB; see `apsi.photo.read.decode_photo`.

    Args:
        path: by which camera raw is known.
        data: the whole file.
        max_pixels: a photo with more is refused.

    Raises:
        UnreadablePhotoError: no photo, larger, or of a kind whose extra is not installed.
        MemoryError: there is less memory than it takes.
    """
    kind = kind_of(path, data)
    try:
        package = require_reader(kind)
    except ApsiError as error:
        raise UnreadablePhotoError(str(error)) from error
    if kind == "RAW":
        return to_8_bits(develop_raw(package, data, max_pixels))
    return decode_photo(data, max_pixels, (kind,) if kind else FORMATS)


def read_size_of_any(path: Path) -> tuple[int, int]:
    """Height and width of an upright photo, from the header of its file: no pixel is decoded.

    Raises:
        UnreadablePhotoError: not an image, or of a kind that is not read, or whose extra is not installed.
        OSError: the file itself can't be opened, or is not a regular one.
    """
    with open_regular(path) as file:
        kind = kind_of(path, file.read(_BRAND_BYTES))
        file.seek(0)
        try:
            package = require_reader(kind)
        except ApsiError as error:
            raise UnreadablePhotoError(str(error)) from error
        if kind == "RAW":
            return _raw_size(package, path)
        with opened(file, (kind,) if kind else FORMATS) as image:
            return upright_size(image)


def develop_raw(rawpy: Any, data: bytes, max_pixels: int) -> DeepPhoto:
    """Camera raw, developed by LibRaw with the camera's white balance: `(H, W, 3)` `uint16` sRGB."""
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            width, height = raw.sizes.raw_width, raw.sizes.raw_height
            if width * height > max_pixels:
                raise UnreadablePhotoError(f"too large: {width} x {height}, at most {max_pixels} pixels")
            with decoding(width * height):
                pixels = raw.postprocess(
                    use_camera_wb=True, output_bps=16, gamma=(2.4, 12.92), output_color=rawpy.ColorSpace.sRGB
                )
    except rawpy.LibRawError as error:
        raise UnreadablePhotoError(_said(error)) from error
    return np.ascontiguousarray(pixels)


def raw_orientation(rawpy: Any, data: bytes) -> int:
    """How `develop_raw` turns what a camera raw file holds to be upright, 1 to 8 as EXIF names it.

    Raises:
        UnreadablePhotoError: it can't be read.
    """
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return _orientation(raw)
    except rawpy.LibRawError as error:
        raise UnreadablePhotoError(_said(error)) from error


def _raw_size(rawpy: Any, path: Path) -> tuple[int, int]:
    try:
        with rawpy.imread(str(path)) as raw:
            height, width = int(raw.sizes.height), int(raw.sizes.width)
            return (width, height) if _orientation(raw) >= 5 else (height, width)
    except rawpy.LibRawError as error:
        raise UnreadablePhotoError(_said(error)) from error


def _orientation(raw: Any) -> int:
    return _ORIENTATION_OF_FLIP.get(int(raw.sizes.flip), 1)


def _said(error: Exception) -> str:
    said = " ".join(str(arg, "utf-8", "replace") if isinstance(arg, bytes) else str(arg) for arg in error.args)
    return f"corrupt or truncated, or of a camera that LibRaw does not know: {said}"


def _needs(kind: str) -> str:
    _, what, extra = _EXTRAS[kind]
    return f"{what} need the extra '{extra}': pip install 'apsi[{extra}]'"
