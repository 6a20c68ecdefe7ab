"""Edited photos as files of the kind and quality that they came from."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from apsi.errors import ApsiError
from apsi.photo import png, require_photo, tiff
from apsi.photo.depth import DeepPhoto
from apsi.photo.full_size import SUFFIXES, PhotoFile
from apsi.photo.metadata import Metadata, app13
from apsi.photo.write import atomic

_WRITTEN_AS = {"RAW": "TIFF", "HEIF": "JPEG"}
_DEEP = ("PNG", "TIFF")
_QUALITY = {"JPEG": 95, "WEBP": 90, "AVIF": 85}
"""Where the file does not say its own"""
_LARGEST_SEGMENT = 65_000  # bytes, in JPEG


def suffix_for(photo: PhotoFile) -> str:
    """How the name of an edited version of this file ends: as its own, or as what it is written as."""
    known = SUFFIXES[_WRITTEN_AS.get(photo.format, photo.format)]
    return photo.path.suffix if photo.path.suffix.lower() in known else known[0]


def save_edited(
    photo: PhotoFile, pixels: DeepPhoto, path: Path, strip_gps: bool = False, inputs: Iterable[Path] = ()
) -> None:
    """Writes an edited version of a photo, whole or not at all.

    It has the format of the file that it was read from; a JPEG its quantisation tables and subsampling; a TIFF or PNG
    its depth, without loss; a lossy WebP or AVIF, which don't say their quality, 90 or 85. Camera raw becomes TIFF of
    16 bits, HEIC a JPEG of quality 95, as encoding HEVC takes minutes. EXIF, XMP, IPTC and the colour profile are kept;
    the thumbnail is not, as it shows the photo unedited. BMP has room for none of them, JPEG for 64 KB of each.

    Args:
        photo: what it was made of.
        pixels: `(H, W, 3)` in the colours of `photo.pixels`, of its depth; `uint8` may take the place of `uint16`.
        path: where to; a file that is there is replaced, unless it is the photo's own.
        strip_gps: leave out where it was taken, in EXIF and in XMP.
        inputs: further files that must not be written over.

    Raises:
        ApsiError: `path` is an input.
        OSError: it can't be written; nothing is left.
    """
    require_photo(pixels, deep=True)  # type: ignore[arg-type]  # of either depth
    for taken in (photo.path, *inputs):
        if path.exists() and taken.exists() and path.samefile(taken):
            raise ApsiError(f"{path} is one of the photos, which are never overwritten: write to another place")
    metadata = photo.metadata.of_edited(pixels.shape[1], pixels.shape[0], strip_gps)
    kind = _WRITTEN_AS.get(photo.format, photo.format)
    if pixels.itemsize > 1 and kind not in _DEEP:
        raise ValueError(f"a {kind} file has 8 bits, these pixels are {pixels.dtype}")
    with atomic(path) as temporary, temporary.open("wb") as file:
        if kind == "PNG":
            file.writelines(png.encode(pixels, metadata.png_chunks()))
        elif kind == "TIFF":
            file.writelines(tiff.encode(pixels, metadata, bool(photo.coding.get("compressed", True))))
        else:
            _save_with_pillow(file, photo, pixels, metadata, kind)


def _save_with_pillow(file: BinaryIO, photo: PhotoFile, pixels: DeepPhoto, metadata: Metadata, kind: str) -> None:
    options = dict(photo.coding)
    if "qtables" not in options and kind in _QUALITY:
        options["quality"] = _QUALITY[kind]
    if kind != "BMP":
        most = _LARGEST_SEGMENT if kind == "JPEG" else sys.maxsize
        options["icc_profile"] = metadata.icc_profile
        options["xmp"] = metadata.xmp if len(metadata.xmp) <= most else b""
        options["exif"] = b"Exif\0\0" + metadata.exif if 0 < len(metadata.exif) <= most else b""
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    if kind == "JPEG":
        options |= {"comment": metadata.comment, "extra": app13(metadata.iptc)}
        options.setdefault("subsampling", 0)
    if kind == "AVIF":
        options["speed"] = 9
    Image.fromarray(pixels).save(file, format=kind, **options)
