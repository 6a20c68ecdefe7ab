"""Reading: every kind of image file becomes one kind of photo, or is refused with a reason."""

import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from apsi.photo import Photo, read
from apsi.photo.formats import read_size_of_any
from apsi.photo.read import UnreadablePhotoError, decode_photo, read_photo, read_size

RED, GREEN, BLUE = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7142)
"""sRGB's primaries in XYZ, seen under D50"""


UPRIGHT: dict[int, Callable[[Any], Any]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.swapaxes(stored[::-1, ::-1], 0, 1),
    8: np.rot90,
}
"""By EXIF's orientation, how what is stored is seen"""


def encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=image_format, **options)
    return buffer.getvalue()


def noise(height: int = 7, width: int = 5) -> Photo:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def icc_profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A display profile as the ICC specification lays it out: header, table of tags, tags."""
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(tag))
        body += tag
    head = struct.pack(">I4xI4s4s4s12x4s", offset + len(body), 0x02100000, b"mntr", space, b"XYZ ", b"acsp")
    return head.ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:].ljust(60, b"\0") + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(exponent: float) -> bytes:
    return struct.pack(">4s4xIH2x", b"curv", 1, round(exponent * 256))


def rgb_profile(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...]) -> bytes:
    primaries = {b"rXYZ": xyz(*red), b"gXYZ": xyz(*green), b"bXYZ": xyz(*blue)}
    return icc_profile(b"RGB ", primaries | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(2.2)))


GREEN_FIRST = rgb_profile(GREEN, RED, BLUE)
LINEAR_GRAY = icc_profile(b"GRAY", {b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": gamma(1)})


@pytest.mark.parametrize(("image_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("BMP", {})])
def test_lossless_formats_are_read_bit_for_bit_as_rgb(image_format: str, options: dict[str, object]) -> None:
    assert np.array_equal(decode_photo(encode(Image.fromarray(noise()), image_format, **options)), noise())


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_tiff_is_read_bit_for_bit_with_every_usual_compression(compression: str) -> None:
    assert np.array_equal(decode_photo(encode(Image.fromarray(noise()), "TIFF", compression=compression)), noise())


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_read_as_rgb_up_to_its_own_loss(photo: Photo, progressive: bool) -> None:
    read = decode_photo(encode(Image.fromarray(photo), "JPEG", quality=95, progressive=progressive))
    assert read.shape == photo.shape
    assert np.abs(read.astype(int) - photo).mean() < 2


def test_gray_and_black_and_white_get_three_equal_channels() -> None:
    gray = np.array([[0, 100, 255]], np.uint8)
    assert decode_photo(encode(Image.fromarray(gray), "PNG"))[0].tolist() == [[0] * 3, [100] * 3, [255] * 3]
    bits = Image.fromarray(gray).convert("1", dither=Image.Dither.NONE)
    assert decode_photo(encode(bits, "PNG"))[0].tolist() == [[0] * 3, [0] * 3, [255] * 3]


@pytest.mark.parametrize(("transparent", "second"), [(None, [0, 0, 200]), (1, [255, 255, 255])])
def test_palette_colours_are_looked_up_and_a_transparent_one_is_white(
    transparent: int | None, second: list[int]
) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 0, 0, 200])
    image.putdata([0, 1])
    options = {} if transparent is None else {"transparency": transparent}
    assert decode_photo(encode(image, "PNG", **options))[0].tolist() == [[10, 20, 30], second]


@pytest.mark.parametrize(
    ("mode", "pixels", "expected"),
    [
        ("RGBA", [(200, 0, 0, 255), (200, 0, 0, 0), (0, 0, 0, 51)], [[200, 0, 0], [255] * 3, [204] * 3]),
        ("LA", [(50, 255), (50, 0), (0, 51)], [[50] * 3, [255] * 3, [204] * 3]),
    ],
)
def test_transparency_is_laid_on_white(mode: str, pixels: list[tuple[int, ...]], expected: list[list[int]]) -> None:
    image = Image.new(mode, (3, 1))
    image.putdata(pixels)
    assert decode_photo(encode(image, "PNG"))[0].tolist() == expected


def test_one_colour_marked_as_transparent_is_white() -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    assert decode_photo(encode(image, "PNG", transparency=(9, 9, 9)))[0].tolist() == [[1, 2, 3], [255] * 3]


@pytest.mark.parametrize(
    ("cmyk", "rgb"), [((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 0), (255,) * 3), ((0, 0, 0, 255), (0,) * 3)]
)
def test_cmyk_jpeg_is_read_as_rgb(cmyk: tuple[int, ...], rgb: tuple[int, ...]) -> None:
    read = decode_photo(encode(Image.new("CMYK", (16, 16), cmyk), "JPEG", quality=95))
    assert np.abs(read.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_16_bit_gray_is_scaled_not_clipped_even_when_dark(image_format: str) -> None:
    values = np.array([[0, 257, 25_700, 65_535]], np.uint16)
    assert decode_photo(encode(Image.fromarray(values), image_format))[0, :, 0].tolist() == [0, 1, 100, 255]
    dark = np.array([[0, 200]], np.uint16)
    assert decode_photo(encode(Image.fromarray(dark), image_format))[0, :, 0].tolist() == [0, 1]


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_colour_is_scaled_not_clipped(suffix: str) -> None:
    values = np.random.default_rng(1).integers(0, 65_536, (6, 9, 3), dtype=np.uint16)
    _, data = cv2.imencode(suffix, values[..., ::-1])
    assert np.abs(decode_photo(data.tobytes()) - values / 257).max() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_exif_orientation_is_applied(orientation: int, image_format: str) -> None:
    stored = noise()
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(
        decode_photo(encode(Image.fromarray(stored), image_format, exif=exif)), UPRIGHT[orientation](stored)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_size_out_of_a_header_is_that_of_the_upright_photo(
    tmp_path: Path, image_format: str, orientation: int
) -> None:
    exif, path = Image.Exif(), tmp_path / "photo"
    exif[0x0112] = orientation
    path.write_bytes(encode(Image.fromarray(noise()), image_format, exif=exif))
    assert read_size(path) == read_size_of_any(path) == read_photo(path).shape[:2]


@pytest.mark.parametrize(("orientation", "quarter_turns"), [(3, 2), (6, 3), (8, 1)])
def test_a_jpeg_of_a_turned_camera_is_read_upright(photo: Photo, orientation: int, quarter_turns: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.rot90(photo, quarter_turns)
    read = decode_photo(encode(Image.fromarray(photo), "JPEG", quality=95, exif=exif))
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() < 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_colour_profile_is_converted_to_srgb(mode: str) -> None:
    """The profile's first primary is sRGB's green and its second sRGB's red, so the two must come out exchanged."""
    image = Image.new("RGB", (2, 1), (200, 100, 50))
    image.putpixel((1, 0), (255, 0, 0))
    read = decode_photo(encode(image.convert(mode, palette=Image.Palette.ADAPTIVE), "PNG", icc_profile=GREEN_FIRST))
    assert np.abs(read[0].astype(int) - [[100, 200, 50], [0, 255, 0]]).max() <= 4


def test_a_profile_is_applied_to_jpeg_too() -> None:
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    read = decode_photo(encode(image, "JPEG", quality=95, icc_profile=GREEN_FIRST))
    assert np.abs(read.astype(int) - (100, 200, 50)).max() <= 6


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (2, 2), 128),
        Image.new("LA", (2, 2), (128, 255)),
        Image.fromarray(np.full((2, 2), 128 * 257, np.uint16)),
    ],
    ids=["8 bits", "8 bits and alpha", "16 bits"],
)
def test_a_gray_profile_is_converted_to_srgb(image: Image.Image) -> None:
    """Half the light of a linear gray is 188 in sRGB."""
    assert np.abs(decode_photo(encode(image, "PNG", icc_profile=LINEAR_GRAY)).astype(int) - 188).max() <= 1


def test_an_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode_photo(encode(Image.fromarray(noise()), "PNG", icc_profile=srgb)), noise())


@pytest.mark.parametrize("profile", [b"no profile at all", GREEN_FIRST[:150], LINEAR_GRAY])
def test_a_broken_or_unfitting_profile_is_passed_over(profile: bytes) -> None:
    assert np.array_equal(decode_photo(encode(Image.fromarray(noise()), "PNG", icc_profile=profile)), noise())


@pytest.mark.parametrize(("image_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_of_several_frames_or_pages_the_first_is_read(image_format: str, options: dict[str, object]) -> None:
    first, second = Image.fromarray(noise()), Image.fromarray(255 - noise())
    data = encode(first, image_format, save_all=True, append_images=[second], **options)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]  # only formats with frames have it
    assert np.array_equal(decode_photo(data), noise())


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(UnreadablePhotoError, match="the file is empty"):
        decode_photo(b"")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_refused(photo: Photo, image_format: str, share: float) -> None:
    data = encode(Image.fromarray(photo), image_format)
    with pytest.raises(UnreadablePhotoError, match=r"corrupt or truncated|not an image"):
        decode_photo(data[: int(share * len(data))])


def test_damage_in_the_middle_of_a_png_is_noticed(photo: Photo) -> None:
    data = bytearray(encode(Image.fromarray(photo), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UnreadablePhotoError, match="corrupt or truncated"):
        decode_photo(bytes(data))


def test_text_with_the_name_of_a_photo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not a photo")
    with pytest.raises(UnreadablePhotoError, match="not an image"):
        read_photo(path)


def test_an_image_that_claims_a_monstrous_size_is_refused_before_memory_is_taken() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data += struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))
    with pytest.raises(UnreadablePhotoError, match="too large"):
        decode_photo(data)


@pytest.mark.parametrize("mode", ["F", "LAB"])
def test_pixels_that_are_not_8_or_16_bit_rgb_or_gray_are_refused_by_name(mode: str) -> None:
    with pytest.raises(UnreadablePhotoError, match=f"pixel mode {mode} is not supported"):
        decode_photo(encode(Image.new(mode, (4, 4)), "TIFF"))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about what it finds broken
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_damage_anywhere_gives_a_photo_or_a_reason_never_another_error(image_format: str) -> None:
    whole = encode(Image.fromarray(noise(12, 17)), image_format)
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(60):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(rng.choice([40, len(data)]), size=rng.choice([1, 3, 20]))
        data[places] = rng.integers(0, 256, len(places))
        try:
            photo = decode_photo(data.tobytes())
        except UnreadablePhotoError as error:
            refused += 1
            assert str(error)
        else:
            assert photo.dtype == np.uint8
            assert photo.shape[2] == 3
    assert refused > 0


def test_a_file_name_may_hold_spaces_and_any_letters(tmp_path: Path) -> None:
    path = tmp_path / "Żółw na plaży 猫.png"
    path.write_bytes(encode(Image.fromarray(noise()), "PNG"))
    assert np.array_equal(read_photo(path), noise())


def test_a_missing_file_is_an_os_error_not_an_unreadable_photo(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_photo(tmp_path / "gone.jpg")


def test_a_broken_exif_block_costs_its_photo_nothing(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10), (10, 20, 30))
    for i, exif in enumerate((b"Exif\0\0II*\0", b"XXXXXXXX")):
        picture.save(tmp_path / f"{i}.png", exif=exif)
        assert read_photo(tmp_path / f"{i}.png").shape == (10, 20, 3)


def test_only_the_formats_that_are_promised_are_decoded(tmp_path: Path) -> None:
    """Pillow knows many more, and hands some to other programs."""
    Image.new("RGB", (20, 10)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.jpg")
    with pytest.raises(UnreadablePhotoError, match="not an image, or of a kind"):
        read_photo(tmp_path / "a.jpg")


def png_header(width: int, height: int, depth: int, colour: int) -> bytes:
    """A PNG file without pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return data + struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))


def test_576_megapixels_of_16_bit_gray_are_refused_by_their_header() -> None:
    with pytest.raises(UnreadablePhotoError, match="too large: 24000 x 24000, at most 200000000 pixels"):
        decode_photo(png_header(24_000, 24_000, 16, 0))


def test_the_limit_of_pixels_can_be_set_and_holds_exactly(photo: Photo) -> None:
    data = encode(Image.fromarray(photo), "PNG")
    pixels = photo.shape[0] * photo.shape[1]
    assert np.array_equal(decode_photo(data, max_pixels=pixels), photo)
    with pytest.raises(UnreadablePhotoError, match=f"too large: 64 x 48, at most {pixels - 1} pixels"):
        decode_photo(data, max_pixels=pixels - 1)


def test_tiff_tiles_that_claim_more_than_there_is_are_refused() -> None:
    data = encode(Image.fromarray(noise()), "TIFF", compression="tiff_adobe_deflate")
    with Image.open(io.BytesIO(data)) as image:
        stored = image.tag_v2[279]  # type: ignore[attr-defined]  # only TIFF has it
    count = struct.pack("<HHII", 279, 4, 1, stored[0])
    assert data.count(count) == 1
    with pytest.raises(UnreadablePhotoError, match="corrupt or truncated: 0 x 0 tiles, 100,000,000 bytes in a file"):
        decode_photo(data.replace(count, struct.pack("<HHII", 279, 4, 1, 100_000_000)))


@pytest.mark.parametrize(("mode", "depth"), [("I;16", 16), ("RGBA", 8), ("L", 8), ("P", 8), ("RGB", 8)])
def test_large_photos_are_converted_in_strips_as_in_one_go(
    mode: str, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).integers(0, 2**depth, (40, 30), dtype=np.uint16)
    image = Image.fromarray(values) if depth == 16 else Image.fromarray(noise(40, 30)).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray((values // 2).astype(np.uint8)))
    data = encode(image, "PNG", **({"icc_profile": GREEN_FIRST} if mode == "RGB" else {}))
    whole = decode_photo(data)
    monkeypatch.setattr(read, "_STRIP_PIXELS", 7 * 30)
    assert np.array_equal(decode_photo(data), whole)


MEASURE = """
import io, sys
import numpy as np
from PIL import Image
from apsi.photo.read import decode_photo
shape, kind = (4000, 3000), sys.argv[1]
picture = np.zeros(shape, np.uint16) if kind == "gray16" else np.zeros((*shape, 4 if kind == "alpha" else 3), np.uint8)
data = io.BytesIO()
exif = Image.Exif()
exif[0x0112] = 6
Image.fromarray(picture).save(data, "JPEG" if kind == "turned" else "PNG", exif=exif, compress_level=1)
del picture
with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")  # the peak so far is forgotten
status = lambda name: 1024 * int(next(l for l in open("/proc/self/status") if l.startswith(name)).split()[1])
before = status("VmRSS")
assert decode_photo(data.getvalue()).shape[:2] == shape[::-1]
print((status("VmHWM") - before) / (shape[0] * shape[1]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", ["gray16", "alpha", "turned"])
def test_decoding_takes_a_bounded_number_of_bytes_a_pixel(kind: str) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, kind], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 12


def test_of_large_photos_one_is_decoded_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    busy: list[int] = []
    most: list[int] = []

    def convert(image: Image.Image) -> Photo:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.01)
        busy.pop()
        return noise()

    monkeypatch.setattr(read, "to_photo", convert)
    data = encode(Image.fromarray(noise(10, 10)), "PNG")
    for limit, allowed in ((99, {1}), (100, {1, 2, 3, 4})):
        most.clear()
        monkeypatch.setattr(read, "_LARGE_PIXELS", limit)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(decode_photo, [data] * 8))
        assert set(most) <= allowed
    assert max(most) > 1
