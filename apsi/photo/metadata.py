"""What a file says beside its pixels: EXIF, XMP, IPTC, colour profile, resolution."""

import io
import re
import struct
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from apsi.errors import ApsiError
from apsi.photo import png
from apsi.photo.exif import (
    DESCRIBING,
    ORIENTATION,
    Field,
    NotExifError,
    block_of,
    byte_order,
    of_edited,
    read_fields,
    without_prefix,
)
from apsi.photo.formats import kind_of, raw_orientation, require_reader
from apsi.photo.jpeg import segments_beside
from apsi.photo.read import UnreadablePhotoError, opened

_IPTC_RESOURCE = 0x0404
_LARGEST_SEGMENT = 65_000  # bytes, in JPEG
_ORIENTATION = re.compile(
    rb"""\s[\w-]{1,20}:Orientation=["']\d["']|<tiff:Orientation>\s{0,9}\d\s{0,9}</tiff:Orientation>"""
)
_PLACE = re.compile(
    rb"""\s[\w-]{1,20}:\w{0,40}(?i:GPS|Latitude|Longitude)\w{0,40}=(?:"[^"]{0,200}"|'[^']{0,200}')"""
    rb"""|<([\w-]{1,20}:\w{0,40}(?i:GPS|Latitude|Longitude)\w{0,40})>[^<>]{0,200}</\1>"""
)
_WORD_OF_PLACE = re.compile(rb"GPS|Latitude|Longitude", re.IGNORECASE)
_THUMBNAILS = (b"xmp:Thumbnails", b"xap:Thumbnails")


@dataclass(frozen=True)
class Metadata:
    """What is kept of a file; empty where it has none."""

    exif: bytes = b""
    """a block as `apsi.photo.exif` has it, in TIFF files of their own fields"""
    icc_profile: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    """further ones of a PNG file, with their names"""

    def of_edited(self, width: int, height: int, strip_gps: bool, upright: bool = True) -> "Metadata":
        """What holds for the photo after editing: its size, upright, no thumbnail of how it was.

        Args:
            width: of the edited photo, in pixels as they are stored.
            height: likewise.
            strip_gps: leave out where it was taken, which EXIF, XMP, a comment and a PNG's texts say.
            upright: whether the pixels were turned upright; else how they are to be turned stays.
        """
        exif = b""
        if self.exif:
            try:
                exif = of_edited(self.exif, width, height, strip_gps, upright)
            except NotExifError:
                exif = b""  # damaged: whether a place is in it can't be told
        comment, chunks = self.comment, self.chunks
        if strip_gps:
            comment = b"" if _names_place(comment) else comment
            chunks = tuple(chunk for chunk in chunks if not _names_place(png.text_in(chunk)))
        xmp = _xmp_of_edited(self.xmp, strip_gps, upright)
        return replace(self, exif=exif, xmp=xmp, comment=comment, chunks=chunks)

    def png_chunks(self) -> list[tuple[bytes, bytes]]:
        """What a PNG file has of it."""
        named = {name for name, _ in self.chunks}
        made = list(self.chunks)
        if self.icc_profile and not named & {b"iCCP", b"cICP"}:
            made.append((b"iCCP", b"icc\0\0" + zlib.compress(self.icc_profile)))
        if self.exif:
            made.append((b"eXIf", self.exif))
        return [*made, png.xmp_chunk(self.xmp)] if self.xmp else made

    def for_pillow(self, kind: str) -> dict[str, Any]:
        """It in words of Pillow's `save`, for a format such as `JPEG`; what that has no room for is left out."""
        options: dict[str, Any] = {}
        if kind != "BMP":
            most = _LARGEST_SEGMENT if kind == "JPEG" else sys.maxsize
            options["icc_profile"] = self.icc_profile
            options["xmp"] = self.xmp if len(self.xmp) <= most else b""
            options["exif"] = b"Exif\0\0" + self.exif if 0 < len(self.exif) <= most else b""
        if self.dpi:
            options["dpi"] = self.dpi
        if kind == "JPEG":
            options |= {"comment": self.comment, "extra": app13(self.iptc)}
        return options

    def jpeg_segments(self) -> bytes:
        """What a JPEG file has of it, between its first marker and its image."""
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", **self.for_pillow("JPEG"))
        return segments_beside(file.getvalue())


def metadata_of(image: Image.Image, data: bytes) -> Metadata:
    """The metadata of an opened image, of the file's bytes."""
    info = image.info
    exif, xmp, iptc = bytes(info.get("exif") or b""), info.get("xmp") or b"", b""
    chunks = list(png.read_chunks(data)) if image.format == "PNG" else []
    if image.format == "TIFF":
        exif = fields_of_tiff(data)
    elif image.format == "PNG":  # where they stand after the pixels, Pillow knows them only when it has read these
        exif = next((content for name, content in chunks if name == b"eXIf"), b"")
        xmp = next((found for found in map(png.xmp_in, chunks) if found), b"")
        chunks = [chunk for chunk in chunks if chunk[0] != b"eXIf" and not png.xmp_in(chunk)]
    elif isinstance(resources := info.get("photoshop"), dict) and isinstance(resources.get(_IPTC_RESOURCE), bytes):
        iptc = resources[_IPTC_RESOURCE]
    comment = info.get("comment") if image.format in ("JPEG", "MPO") else b""
    return Metadata(
        exif=without_prefix(exif),
        icc_profile=bytes(info.get("icc_profile") or b""),
        xmp=xmp.encode() if isinstance(xmp, str) else bytes(xmp),
        iptc=iptc,
        comment=comment if isinstance(comment, bytes) else b"",
        dpi=_dpi(info.get("dpi")),
        chunks=tuple(chunks),
    )


def orientation(image: Image.Image, metadata: Metadata) -> int:
    """How the camera was held, 1 to 8, by EXIF or else XMP, as Pillow reads them; 1 where they don't say."""
    with suppress(SyntaxError, ValueError, TypeError, OSError, struct.error):  # a broken block says nothing
        if image.format == "TIFF":
            return int(image.getexif().get(ORIENTATION, 1))
        exif = Image.Exif()
        exif.load(metadata.exif)
        if ORIENTATION in exif:
            return int(exif[ORIENTATION])
    found = _ORIENTATION.search(metadata.xmp)
    return int(re.sub(rb"\D", b"", found[0])) if found else 1


def stored_orientation(data: bytes, path: Path | None = None) -> int:
    """How the pixels that a file holds are turned to be upright, 1 to 8; 1 where it does not say, or can't be read.

    Args:
        data: the whole file.
        path: by which camera raw is known, which LibRaw turns where it is installed; None: it is no raw file.
    """
    if path is not None and kind_of(path, data) == "RAW":
        with suppress(ApsiError, UnreadablePhotoError):
            return raw_orientation(require_reader("RAW"), data)
    with suppress(UnreadablePhotoError), opened(data) as image:
        return orientation(image, metadata_of(image, data))
    with suppress(NotExifError, struct.error):  # camera raw
        found = read_fields(data, frozenset({ORIENTATION})).get(ORIENTATION)
        if isinstance(found, Field):
            return next((n for n in found.numbers(byte_order(data)) if 1 <= n <= 8), 1)
    return 1


def fields_of_tiff(data: bytes) -> bytes:
    """The describing fields of a TIFF file, or of a raw file that is one, as a block; empty where it is none."""
    try:
        fields = read_fields(data, DESCRIBING)
        return block_of(fields, byte_order(data)) if fields else b""
    except (NotExifError, struct.error):
        return b""


def app13(iptc: bytes) -> bytes:
    """IPTC's records as the segment of a JPEG file that holds them; empty where there are none, or too many."""
    if not iptc or len(iptc) > _LARGEST_SEGMENT:
        return b""
    resource = b"8BIM" + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    body = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", 2 + len(body)) + body


def _dpi(found: object) -> tuple[float, float] | None:
    if isinstance(found, tuple) and len(found) == 2:
        x, y = (float(value) for value in found)
        if 1 <= x <= 32_767 and 1 <= y <= 32_767:
            return x, y
    return None


def _xmp_of_edited(xmp: bytes, strip_gps: bool, upright: bool) -> bytes:
    xmp = _ORIENTATION.sub(b"", xmp) if upright else xmp
    for name in _THUMBNAILS:
        begin, end = xmp.find(b"<" + name), xmp.rfind(b"</" + name + b">")
        if 0 <= begin < end:
            xmp = xmp[:begin] + xmp[end + len(name) + 3 :]
    if strip_gps:
        xmp = _PLACE.sub(b"", xmp)
        if _names_place(xmp):  # in some other spelling, or UTF-16
            return b""
    return xmp


def _names_place(text: bytes | None) -> bool:
    """Whether a text speaks of coordinates; of one that can't be read (None) it can't be told, so it does."""
    return text is None or _WORD_OF_PLACE.search(text.replace(b"\0", b"")) is not None
