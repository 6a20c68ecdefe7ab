"""Edited photos as files of the kind and quality that they came from."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from apsi.errors import ApsiError
from apsi.photo import png, require_photo, tiff
from apsi.photo.depth import DeepPhoto
from apsi.photo.formats import SUFFIXES
from apsi.photo.full_size import PhotoFile
from apsi.photo.lossless import NotCutError, cut_jpeg
from apsi.photo.metadata import Metadata
from apsi.photo.write import atomic

_WRITTEN_AS = {"RAW": "TIFF", "HEIF": "JPEG"}
_DEEP = ("PNG", "TIFF")
_WITH_LOSS = ("WEBP", "AVIF", "HEIF")
ONLY_JPEG = "Compressed anew, as files of its format can't be cut without."
_QUALITY = {"JPEG": 95, "WEBP": 90, "AVIF": 85}
"""Where the file does not say its own"""


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
        strip_gps: leave out where it was taken, as `Metadata.of_edited` does.
        inputs: further files that must not be written over.

    Raises:
        ApsiError: `path` is an input.
        OSError: it can't be written; nothing is left.
    """
    require_photo(pixels, deep=True)  # type: ignore[arg-type]  # of either depth
    _require_other(path, (photo.path, *inputs))
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


def save_cut(
    photo: PhotoFile, part: tuple[int, int, int, int], path: Path, strip_gps: bool = False, inputs: Iterable[Path] = ()
) -> tuple[DeepPhoto, tuple[str, ...]]:
    """Writes a part of a photo, without loss where its format allows it, else as `save_edited` does.

    Args:
        photo: what it is a part of.
        part: left, top, right and bottom in its pixels.
        path: where to.
        strip_gps: leave out where it was taken.
        inputs: further files that must not be written over.

    Returns:
        The pixels that were written, upright, and for a format with loss a remark that says which way it went.

    Raises:
        ApsiError, OSError: as for `save_edited`.
    """
    remarks: tuple[str, ...] = ()
    if photo.format == "JPEG":
        _require_other(path, (photo.path, *inputs))
        try:
            data, pixels, remark = cut_jpeg(photo, part, strip_gps)
            with atomic(path) as temporary:
                temporary.write_bytes(data)
            return pixels, (remark,)
        except NotCutError as error:
            remarks = (str(error),)
    elif photo.format in _WITH_LOSS and not photo.coding.get("lossless"):
        remarks = (ONLY_JPEG,)
    left, top, right, bottom = part
    cut = photo.pixels[top:bottom, left:right].copy()
    save_edited(photo, cut, path, strip_gps, inputs)
    return cut, remarks


def _require_other(path: Path, inputs: Iterable[Path]) -> None:
    for taken in inputs:
        if path.exists() and taken.exists() and path.samefile(taken):
            raise ApsiError(f"{path} is one of the photos, which are never overwritten: write to another place")


def _save_with_pillow(file: BinaryIO, photo: PhotoFile, pixels: DeepPhoto, metadata: Metadata, kind: str) -> None:
    options = dict(photo.coding) | metadata.for_pillow(kind)
    if "qtables" not in options and kind in _QUALITY:
        options["quality"] = _QUALITY[kind]
    if kind == "JPEG":
        options.setdefault("subsampling", 0)
    if kind == "AVIF":
        options["speed"] = 9
    Image.fromarray(pixels).save(file, format=kind, **options)
