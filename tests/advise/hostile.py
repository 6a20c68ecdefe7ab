"""Files that nobody should have to fear: damaged, odd, and made to do harm."""

import io
import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from tests.conftest import natural_photo

FORMATS = {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "webp": "WEBP", "bmp": "BMP", "avif": "AVIF"}


def hostile_files(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Names and contents, the same for a seed: whole odd ones first, then damage to good ones."""
    odd = list(_odd())
    yield from odd[:count]
    rng = np.random.default_rng(seed)
    good = [(suffix, data) for suffix in FORMATS for data in _good(suffix)]
    for i in range(count - len(odd)):
        suffix, data = good[int(rng.integers(len(good)))]
        named = suffix if rng.random() < 0.9 else str(rng.choice(["jpg", "png", "tif", "cr2", "heic"]))
        yield f"{i:04}.{named}", _damaged(data, rng)


def png_of(width: int, height: int, colour: int = 2, depth: int = 8) -> bytes:
    """A PNG of so many pixels, all black, in a few kilobytes: a decompression bomb where they are many."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    size, block = height * (1 + (width * channels * depth + 7) // 8), 1 << 20
    squeeze = zlib.compressobj(9, wbits=-15)
    start = squeeze.compress(bytes(block)) + squeeze.flush(zlib.Z_FULL_FLUSH)  # may be repeated
    rest = zlib.compressobj(9, wbits=-15)
    end = rest.compress(bytes(size % block)) + rest.flush()
    packed = (
        b"\x78\xda" + start * (size // block) + end + struct.pack(">I", (size % 65521) << 16 | 1)
    )  # Adler-32 of zeros
    return _png(width, height, depth, colour, packed)


def _png(width: int, height: int, depth: int, colour: int, packed: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _good(suffix: str) -> Iterator[bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    for size in ((90, 120), (33, 41)):
        buffer = io.BytesIO()
        options = {} if suffix == "bmp" else {"exif": exif}
        Image.fromarray(natural_photo(1, *size)).save(buffer, FORMATS[suffix], **options)
        yield buffer.getvalue()
    if suffix in ("png", "tif"):
        yield cv2.imencode(f".{suffix}", natural_photo(2, 60, 80).astype(np.uint16) * 257)[1].tobytes()


def _odd() -> Iterator[tuple[str, bytes]]:
    yield "empty.jpg", b""
    yield "text.jpg", b"no photo at all\n" * 50
    yield "page.png", b"<html><script>alert(1)</script></html>"
    yield "zip.tif", b"PK\x03\x04" + bytes(200)
    yield "zeros.webp", bytes(4096)
    yield "raw.cr2", b"II*\0\x10\0\0\0CR\x02\0" + bytes(500)
    yield "raw.dng", b"MM\0*\0\0\0\x08" + bytes(range(256)) * 4
    yield "phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(300)
    yield "bomb.png", png_of(30_000, 30_000)
    yield "claims.png", _png(2_000_000_000, 2_000_000_000, 8, 2, b"")
    yield "no_pixels.png", _png(0, 0, 8, 2, zlib.compress(b""))
    yield "deep_bomb.png", png_of(20_000, 20_000, depth=16)
    yield "clear.png", png_of(60, 40, colour=6)
    for name, size in (("dot", (1, 1)), ("line", (1, 900)), ("column", (900, 1)), ("strip", (3, 4000))):
        yield f"{name}.png", _saved(Image.new("RGB", size, (90, 120, 60)), "PNG")
    for mode in ("1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F", "YCbCr"):
        for suffix in ("tif", "jpg", "png"):
            try:
                image = Image.fromarray(natural_photo(4, 50, 70))
                image = Image.new(mode, (70, 50)) if mode in ("I;16", "F") else image.convert(mode)
                yield f"mode_{mode.replace(';', '')}.{suffix}", _saved(image, FORMATS[suffix])
            except (OSError, ValueError):
                continue  # a format that does not hold it
    for turn in range(10):
        exif = Image.Exif()
        exif[0x0112] = turn
        yield f"turn_{turn}.jpg", _saved(Image.fromarray(natural_photo(5, 40, 70)), "JPEG", exif=exif)
    yield "profile.jpg", _saved(Image.fromarray(natural_photo(6)), "JPEG", icc_profile=b"no profile" * 30)
    yield (
        "frames.webp",
        _saved(
            Image.fromarray(natural_photo(7)),
            "WEBP",
            save_all=True,
            append_images=[Image.fromarray(natural_photo(seed)) for seed in (8, 9)],
        ),
    )
    yield (
        "pages.tif",
        _saved(
            Image.fromarray(natural_photo(7)), "TIFF", save_all=True, append_images=[Image.fromarray(natural_photo(8))]
        ),
    )
    yield "scans.jpg", _saved(Image.fromarray(natural_photo(7, 200, 300)), "JPEG", progressive=True)
    yield "name with spaces, ü and 'quotes'.jpg", _saved(Image.fromarray(natural_photo(9)), "JPEG")
    yield "-dash.jpg", _saved(Image.fromarray(natural_photo(9)), "JPEG")


def _saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    kind = rng.integers(5)
    if kind == 0:
        return data[: int(rng.integers(len(data)))]
    values = np.frombuffer(data, np.uint8).copy()
    if kind == 1:  # single bits
        for at in rng.integers(0, len(values), int(rng.integers(1, 8))):
            values[at] ^= 1 << int(rng.integers(8))
    elif kind == 2:  # the header
        at = rng.integers(0, min(400, len(values)), int(rng.integers(1, 12)))
        values[at] = rng.integers(0, 256, len(at))
    elif kind == 3:  # a stretch of noise
        start = int(rng.integers(len(values)))
        stretch = values[start : start + int(rng.integers(1, 200))]
        stretch[:] = rng.integers(0, 256, len(stretch))
    else:  # parts exchanged
        cut = int(rng.integers(1, len(values)))
        values = np.concatenate([values[cut:], values[:cut]])
    return values.tobytes()
