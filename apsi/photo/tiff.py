"""Writing TIFF files of 8 and 16 bits (TIFF 6.0, with deflate as Adobe's supplement has it)."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import exif
from apsi.photo.depth import DeepPhoto
from apsi.photo.exif import LONG, RATIONAL, SHORT, UNDEFINED, ByteOrder, Field, Fields
from apsi.photo.metadata import Metadata
from apsi.photo.png import LEVEL
from apsi.photo.threads import in_threads

_STRIP_BYTES = 1_000_000
_DEFLATE, _PLAIN = 8, 1
_BYTE = 1


def encode(pixels: DeepPhoto, metadata: Metadata, compressed: bool) -> Iterator[bytes]:
    """A TIFF file, part by part; its strips are compressed in several threads.

    Args:
        pixels: `(H, W, 3)` `uint8` or `uint16` RGB.
        metadata: of the edited photo.
        compressed: by deflate, of differences; without loss.
    """
    order: ByteOrder = exif.byte_order(metadata.exif) if metadata.exif else "<"
    height, width = pixels.shape[:2]
    rows = max(1, _STRIP_BYTES // pixels[0].nbytes)
    depth = 8 * pixels.itemsize
    strips = list(in_threads(lambda top: _strip(pixels[top : top + rows], order, compressed), range(0, height, rows)))
    described = dict(exif.read_fields(metadata.exif, exif.DESCRIBING)) if metadata.exif else {}
    fields: dict[int, Field | Fields] = described | {
        exif.WIDTH: _numbers(order, LONG, width),
        exif.HEIGHT: _numbers(order, LONG, height),
        258: _numbers(order, SHORT, *[depth] * 3),
        259: _numbers(order, SHORT, _DEFLATE if compressed else _PLAIN),
        262: _numbers(order, SHORT, 2),  # RGB
        exif.ORIENTATION: _numbers(order, SHORT, 1),
        277: _numbers(order, SHORT, 3),
        278: _numbers(order, LONG, rows),
        279: _numbers(order, LONG, *(len(strip) for strip in strips)),
        284: _numbers(order, SHORT, 1),
        317: _numbers(order, SHORT, 2 if compressed else 1),
        339: _numbers(order, SHORT, *[1] * 3),
    }
    if metadata.dpi:
        fields |= {282 + i: _rational(order, value) for i, value in enumerate(metadata.dpi)}
        fields[296] = _numbers(order, SHORT, 2)
    for tag, kind, data in ((exif.XMP, _BYTE, metadata.xmp), (exif.ICC, UNDEFINED, metadata.icc_profile)):
        if data:
            fields[tag] = Field(kind, len(data), data)
    at = 0
    for _ in range(2):  # the table is as long wherever it says that strips are
        starts = np.cumsum([at, *(len(strip) for strip in strips[:-1])]).tolist()
        head = exif.block_of(fields | {273: _numbers(order, LONG, *starts)}, order)
        at = len(head)
    if at + sum(len(strip) for strip in strips) >= 2**32:
        raise ApsiError("a TIFF file has at most 4 GiB, this photo needs more: make it smaller, or save it as PNG")
    yield head
    yield from strips


def _strip(pixels: DeepPhoto, order: ByteOrder, compressed: bool) -> bytes:
    values = pixels
    if compressed:
        values = pixels.copy()
        values[:, 1:] -= pixels[:, :-1]
    data = np.ascontiguousarray(values, dtype=pixels.dtype.newbyteorder(order)).data
    return zlib.compress(data, LEVEL) if compressed else bytes(data)


def _numbers(order: ByteOrder, kind: int, *values: int) -> Field:
    return Field(kind, len(values), struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values))


def _rational(order: ByteOrder, value: float) -> Field:
    return Field(RATIONAL, 1, struct.pack(order + "II", round(value * 1000), 1000))
