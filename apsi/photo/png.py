"""Chunks of PNG files, beside the pixels (PNG specification, third edition)."""

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from apsi.photo.depth import DeepPhoto
from apsi.photo.threads import in_threads

LEVEL = 3
"""Of zlib's compression: higher ones take several times as long to save a hundredth of a photo"""
_BAND_BYTES = 4_000_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR = (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP")
_KEPT = (*_COLOUR, b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_XMP = b"XML:com.adobe.xmp\0"
_RAW_PROFILE = b"Raw profile type "  # EXIF and others in the spelling of other programs
_LARGEST = 64 * 1024**2
_LARGEST_TEXT = 16 * 1024**2  # unpacked


def depth(data: bytes) -> int:
    """Bits a channel, by the header."""
    return data[24] if data.startswith(SIGNATURE) and len(data) > 24 else 0


def read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the chunks that say something of the photo, wherever they stand; damaged ones not."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name in (b"IEND", b"") or at + 12 + size > len(data):
            return
        if name in _KEPT and size <= _LARGEST:
            content = data[at + 8 : at + 8 + size]
            whole = zlib.crc32(name + content) == struct.unpack_from(">I", data, at + 8 + size)[0]
            if whole and not content.startswith(_RAW_PROFILE):
                yield name, content
        at += 12 + size


def xmp_in(chunk: tuple[bytes, bytes]) -> bytes:
    """The XMP that a chunk holds, empty where it is another."""
    name, content = chunk
    if name != b"iTXt" or not content.startswith(_XMP):
        return b""
    compressed, rest = content[len(_XMP) : len(_XMP) + 1] == b"\1", content[len(_XMP) + 2 :]
    text = rest.split(b"\0", 2)[-1]  # after a language and a translated name
    try:
        return zlib.decompressobj().decompress(text, _LARGEST_TEXT) if compressed else text
    except zlib.error:
        return b""


def text_in(chunk: tuple[bytes, bytes]) -> bytes | None:
    """All that a chunk of text says, with its keyword; empty for other chunks, None where it can't be unpacked."""
    name, content = chunk
    keyword, _, rest = content.partition(b"\0")
    if name == b"zTXt":
        beside, packed = [keyword], rest[1:]
    elif name == b"iTXt" and rest[:1] == b"\1":
        *translated, packed = rest[2:].split(b"\0", 2)
        beside = [keyword, *translated]
    else:
        return content if name in (b"tEXt", b"iTXt") else b""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _LARGEST_TEXT)
    except zlib.error:
        return None
    return b"\0".join([*beside, text]) if unpacker.eof else None


def without_colour(chunks: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The chunks but for those that say what the numbers of pixels mean."""
    return tuple(chunk for chunk in chunks if chunk[0] not in _COLOUR)


def encode(pixels: DeepPhoto, chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """A PNG file, part by part; its rows are compressed in several threads.

    Args:
        pixels: `(H, W, 3)` `uint8` or `uint16` RGB.
        chunks: names and contents of what stands before the pixels.
    """
    height, width = pixels.shape[:2]
    yield SIGNATURE
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, 2, 0, 0, 0))
    yield from (_chunk(name, content) for name, content in chunks)
    rows = max(1, _BAND_BYTES // pixels[0].nbytes)
    yield _chunk(b"IDAT", b"\x78\x01")  # begins a zlib stream (RFC 1950), of which each band is some blocks
    checksum = 1
    for data, own, size in in_threads(
        lambda top: _band(pixels[top : top + rows], top + rows >= height), range(0, height, rows)
    ):
        checksum = _adler32_of_both(checksum, own, size)
        yield _chunk(b"IDAT", data)
    yield _chunk(b"IDAT", struct.pack(">I", checksum))
    yield _chunk(b"IEND", b"")


def _band(pixels: DeepPhoto, last: bool) -> tuple[bytes, int, int]:
    """Rows compressed, and the checksum and number of the bytes that they were."""
    plain = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(len(pixels), -1)
    step = 3 * pixels.itemsize
    filtered = np.empty((len(plain), 1 + plain.shape[1]), np.uint8)
    filtered[:, 0] = 1  # each byte less that of the pixel to the left
    filtered[:, 1 : 1 + step] = plain[:, :step]
    np.subtract(plain[:, step:], plain[:, :-step], out=filtered[:, 1 + step :])
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    data = packer.compress(filtered.data) + packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
    return data, zlib.adler32(filtered.data), filtered.size


def _adler32_of_both(first: int, second: int, size: int) -> int:
    """The checksum of two parts, of theirs and the bytes of the second (zlib's adler32_combine)."""
    low = (first % 65_536 + second % 65_536 - 1) % 65_521
    high = (first // 65_536 + second // 65_536 + size * (first % 65_536 - 1)) % 65_521
    return high * 65_536 + low


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))


def xmp_chunk(xmp: bytes) -> tuple[bytes, bytes]:
    """The chunk that holds XMP."""
    return b"iTXt", _XMP + b"\0\0\0\0" + xmp
