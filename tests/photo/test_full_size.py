"""Photographers' files: read whole, upright, at their depth, and written as what they were."""

import errno
import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, JpegImagePlugin, features

from apsi.errors import ApsiError
from apsi.photo import Photo, exif, png, tiff
from apsi.photo.depth import DeepPhoto, to_8_bits, to_16_bits
from apsi.photo.exif import Field, block_of
from apsi.photo.full_size import PhotoFile, read_photo_file
from apsi.photo.metadata import Metadata
from apsi.photo.read import UnreadablePhotoError, read_photo
from apsi.photo.resample import fit
from apsi.photo.save import save_edited, suffix_for
from tests.conftest import natural_photo
from tests.photo.test_read import GREEN_FIRST, LINEAR_GRAY, UPRIGHT, encode, noise

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GPS_PLACE = b"\x34\0\0\0\1\0\0\0"


def deep_noise(height: int = 7, width: int = 5) -> DeepPhoto:
    return np.random.default_rng(1).integers(0, 65_536, (height, width, 3), dtype=np.uint16)


def camera_exif(orientation: int = 1, order: exif.ByteOrder = "<", thumbnail: bool = True) -> bytes:
    """A block as cameras write it: a pointer to EXIF's own fields, with a maker's note, one to GPS, and a thumbnail."""

    def short(value: int) -> Field:
        return Field(3, 1, struct.pack(order + "H", value))

    fields: exif.Fields = {
        271: Field(2, 6, b"Maker\0"),
        exif.ORIENTATION: short(orientation),
        exif.EXIF: {
            0x9003: Field(2, 20, b"2024:05:01 12:00:00\0"),
            0x927C: Field(7, 40, bytes(range(40))),
            0xA002: short(5),
            0xA003: short(7),
        },
        exif.GPS: {1: Field(2, 2, b"N\0"), 2: Field(5, 3, GPS_PLACE * 3)},
    }
    block = block_of(fields, order)
    if not thumbnail:
        return block
    small = encode(Image.new("RGB", (16, 12), (255, 0, 0)), "JPEG")
    end = 8 + 2 + 12 * len(fields)  # of the first table: where the next one is named
    table = block_of({0x0201: Field(4, 1, b"\0" * 4), 0x0202: Field(4, 1, struct.pack(order + "I", len(small)))}, order)
    place = struct.pack(order + "I", len(block) + len(table) - 8)
    table = table[8:].replace(
        struct.pack(order + "HHII", 0x0201, 4, 1, 0), struct.pack(order + "HHI", 0x0201, 4, 1) + place
    )
    return block[:end] + struct.pack(order + "I", len(block)) + block[end + 4 :] + table + small


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    options = {"exif": b"Exif\0\0" + camera_exif(), "icc_profile": GREEN_FIRST, **options}
    image.save(path, **options)
    return path


def edited(path: Path, change: Callable[[Any], Any] = lambda pixels: pixels[::-1], **options: Any) -> Path:
    """Reads a file, edits it and writes the result beside it."""
    photo = read_photo_file(path)
    target = path.with_name(f"edited{suffix_for(photo)}")
    save_edited(photo, change(photo.pixels), target, **options)
    return target


def gps_of(image: Image.Image) -> dict[int, Any]:
    return image.getexif().get_ifd(exif.GPS)


def write_deep(path: Path, pixels: DeepPhoto, orientation: int = 1, alpha: DeepPhoto | None = None) -> Path:
    """A file of 16 bits, written by another program's code than that under test: OpenCV's, and its chunk or field."""
    planes = pixels[..., ::-1] if alpha is None else np.dstack([pixels[..., ::-1], alpha])
    data = cv2.imencode(path.suffix, planes)[1].tobytes()
    block = camera_exif(orientation)
    if path.suffix == ".png":
        chunk = b"eXIf" + block
        after = len(png.SIGNATURE) + 25
        made = struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        data = data[:after] + made + data[after:]
    else:
        data = b"".join(tiff.encode(pixels, Metadata(exif=block), compressed=True))
        old, new = (struct.pack("<HHIHxx", 274, 3, 1, value) for value in (1, orientation))
        assert data.count(old) == 1
        data = data.replace(old, new)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_read_and_written_bit_for_bit_and_turned_upright_once(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    source = write_deep(tmp_path / f"a{suffix}", deep_noise(), orientation)
    upright = UPRIGHT[orientation](deep_noise())
    photo = read_photo_file(source)
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, upright)
    again = read_photo_file(edited(source))
    assert np.array_equal(again.pixels, upright[::-1])
    with Image.open(edited(source)) as image:
        assert image.getexif().get(exif.ORIENTATION) == 1
        assert image.size == upright.shape[1::-1]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp", ".avif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_files_of_8_bits_are_read_as_jurors_see_them_and_written_alike(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    photo = natural_photo(0)
    options = {".webp": {"lossless": True}, ".avif": {"quality": 100}, ".jpg": {"quality": 97}}.get(suffix, {})
    block = b"Exif\0\0" + camera_exif(orientation)
    source = save(tmp_path / f"a{suffix}", Image.fromarray(photo), exif=block, icc_profile=SRGB, **options)
    if suffix == ".avif":  # which read_photo does not read
        with Image.open(source) as image:
            seen = UPRIGHT[orientation](np.asarray(image))
    else:
        seen = read_photo(source)
    read = read_photo_file(source)
    assert np.array_equal(read.pixels, seen)
    found = read_photo_file(edited(source)).pixels
    assert found.shape == seen.shape
    off = np.abs(found.astype(int) - seen[::-1])
    assert off.max() <= {".jpg": 12, ".avif": 40}.get(suffix, 0)
    assert off.mean() < {".avif": 2}.get(suffix, 1)


@pytest.mark.parametrize(("quality", "subsampling"), [(75, 2), (93, 0), (60, 1), (100, 0)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_keeps_quality_subsampling_and_resolution(
    tmp_path: Path, quality: int, subsampling: int, progressive: bool
) -> None:
    picture = Image.fromarray(natural_photo(0, 64, 96))
    source = tmp_path / "a.JPEG"
    picture.save(source, quality=quality, subsampling=subsampling, progressive=progressive, dpi=(300, 300))
    target = edited(source)
    assert target.name == "edited.JPEG"
    with Image.open(source) as before, Image.open(target) as after:
        assert after.quantization == before.quantization  # type: ignore[attr-defined]  # only JPEG has it
        assert JpegImagePlugin.get_sampling(after) == subsampling
        assert bool(after.info.get("progressive")) is progressive
        assert after.info["dpi"] == (300, 300)
    assert target.stat().st_size == pytest.approx(source.stat().st_size, rel=0.1)


def test_colours_beyond_srgb_are_edited_as_they_are_and_looked_at_in_srgb(tmp_path: Path) -> None:
    picture = natural_photo(0)
    read = read_photo_file(save(tmp_path / "a.png", Image.fromarray(picture)))
    assert np.array_equal(read.pixels, picture)
    assert read.metadata.icc_profile == GREEN_FIRST
    expected = read_photo(read.path)
    assert np.abs(read.small_copy(64, "longest_side").astype(int) - fit(expected, 64, "longest_side")).max() <= 3
    plain = read_photo_file(save(tmp_path / "b.png", Image.fromarray(picture), icc_profile=None))
    for mode, size in (("square", 32), ("longest_side", 40)):
        assert np.array_equal(plain.small_copy(size, mode), fit(picture, size, mode))


@pytest.mark.parametrize("deep", [False, True])
def test_gray_becomes_rgb_as_its_profile_says(tmp_path: Path, deep: bool) -> None:
    values = np.tile(np.arange(0, 256, 5, dtype=np.uint16), (3, 1))
    image = Image.fromarray(values * 257 if deep else values.astype(np.uint8))
    read = read_photo_file(save(tmp_path / "a.png", image, icc_profile=LINEAR_GRAY))
    assert read.pixels.dtype == (np.uint16 if deep else np.uint8)
    assert np.abs(to_8_bits(read.pixels).astype(int) - read_photo(read.path)).max() <= 1
    target = edited(read.path)
    with Image.open(target) as found:
        assert found.mode == "RGB"
        assert "icc_profile" not in found.info
    assert np.array_equal(read_photo_file(target).pixels, read.pixels[::-1])


def test_16_bits_of_gray_without_a_profile_are_kept(tmp_path: Path) -> None:
    values = deep_noise()[..., 0]
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
        assert np.array_equal(read_photo_file(tmp_path / name).pixels, np.repeat(values[..., None], 3, axis=2))


@pytest.mark.parametrize(("depth", "stored"), [(8, 200), (16, 51_400)])
def test_gray_that_is_stored_with_white_as_zero_is_no_negative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int, stored: int
) -> None:
    monkeypatch.setattr("apsi.photo.read._STRIP_PIXELS", 12)  # in strips, as large photos are

    def short(value: int) -> Field:
        return Field(3, 1, struct.pack("<H", value))

    data = struct.pack(f"<24{'H' if depth == 16 else 'B'}", *[stored] * 24)
    sizes = {256: short(6), 257: short(4), 277: short(1), 278: short(4), 279: short(len(data))}
    fields = {258: short(depth), 259: short(1), 262: short(0), **sizes, 273: short(0)}
    fields[273] = short(len(block_of(fields, "<")))
    path = tmp_path / "a.tif"
    path.write_bytes(block_of(fields, "<") + data)
    assert np.array_equal(read_photo(path), np.full((4, 6, 3), 55))
    assert np.array_equal(read_photo_file(path).pixels, np.full((4, 6, 3), 55 if depth == 8 else 65_535 - stored))


@pytest.mark.parametrize("mode", ["P", "1"])
def test_palettes_become_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(natural_photo(0)).convert(mode)
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_photo_file(tmp_path / "a.png").pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("deep", [False, True])
def test_an_alpha_channel_counts_where_something_is_transparent(tmp_path: Path, deep: bool) -> None:
    pixels = deep_noise() if deep else noise()
    alpha = np.full(pixels.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
    for i, name in enumerate(("opaque.png", "half.png")):
        alpha[i * 3, i * 2] -= i
        if deep:
            write_deep(tmp_path / name, pixels, alpha=alpha)
        else:
            Image.fromarray(np.dstack([pixels, alpha])).save(tmp_path / name)
    assert np.array_equal(read_photo_file(tmp_path / "opaque.png").pixels, pixels)
    with pytest.raises(UnreadablePhotoError, match="transparent, which edits don't keep: flatten it first"):
        read_photo_file(tmp_path / "half.png")


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.jpg", Image.new("CMYK", (8, 8)), "it is CMYK, for printing; .* convert it to RGB first"),
        ("a.tif", Image.new("F", (4, 4)), "not supported; export it as 8- or 16-bit RGB"),
        ("a.tif", Image.new("I", (4, 4)), "not supported; export it as 8- or 16-bit RGB"),
        ("a.tif", Image.new("LAB", (4, 4)), "pixel mode LAB is not supported"),
    ],
)
def test_what_edits_are_not_made_for_is_refused_with_the_remedy(
    tmp_path: Path, name: str, image: Image.Image, message: str
) -> None:
    image.save(tmp_path / name)
    with pytest.raises(UnreadablePhotoError, match=message):
        read_photo_file(tmp_path / name)


def test_of_several_pages_the_first_is_edited_and_that_is_said(tmp_path: Path) -> None:
    pages = [Image.fromarray(noise()), Image.fromarray(255 - noise())]
    for name in ("a.tif", "a.png"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        read = read_photo_file(tmp_path / name)
        assert np.array_equal(read.pixels, noise())
        assert read.remarks == ("The file holds several pictures; the first is edited, the others are left out.",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_limits_hold_before_anything_is_decoded(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_deep(tmp_path / f"a{suffix}", deep_noise()) if suffix != ".jpg" else tmp_path / "a.jpg"
    if suffix == ".jpg":
        save(path, Image.fromarray(noise()))
    assert read_photo_file(path, max_pixels=35).pixels.shape == (7, 5, 3)
    monkeypatch.setattr(Image.Image, "load", None)
    monkeypatch.setattr("apsi.photo.full_size.cv2.imdecode", None)
    with pytest.raises(UnreadablePhotoError, match="too large: 5 x 7, at most 34 pixels"):
        read_photo_file(path, max_pixels=34)


def test_pipes_and_folders_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file but a folder"):
        read_photo_file(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about what it finds broken
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif", ".heic", ".dng"])
def test_damage_anywhere_gives_a_photo_or_a_reason_never_another_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".heic":
        pytest.importorskip("pillow_heif", reason="the extra 'heif' is not installed").register_heif_opener()
        save(path, Image.fromarray(noise(12, 17)))
    elif suffix == ".dng":
        pytest.importorskip("rawpy", reason="the extra 'raw' is not installed")
        write_dng(path)
    elif suffix in (".png", ".tif"):
        write_deep(path, deep_noise(12, 17))
    else:
        save(path, Image.fromarray(noise(12, 17)))
    whole, rng, refused = path.read_bytes(), np.random.default_rng(3), 0
    for i in range(40):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(rng.choice([60, 300, len(data)]), size=rng.choice([1, 3, 20])) % len(data)
        data[places] = rng.integers(0, 256, len(places))
        path.write_bytes(data.tobytes()[: None if i % 4 else int(rng.integers(len(data)))])
        try:
            read = read_photo_file(path)
        except UnreadablePhotoError as error:
            refused += 1
            assert str(error)
        else:
            save_edited(read, read.pixels, tmp_path / "out")
    assert refused > 0


def write_dng(path: Path, colour: tuple[int, int, int] = (9000, 20_000, 6000), orientation: int = 1) -> Path:
    """Camera raw as small as it can be: red, green, green and blue pixels of one colour, 64 x 48."""
    mosaic = np.empty((48, 64), np.uint16)
    mosaic[::2, ::2], mosaic[::2, 1::2], mosaic[1::2, ::2], mosaic[1::2, 1::2] = colour[0], *[colour[1]] * 2, colour[2]

    def numbers(letter: str, kind: int, *values: int) -> Field:
        return Field(kind, len(values), struct.pack(f"<{len(values)}{letter}", *values))

    identity = [value for row in np.eye(3, dtype=int).tolist() for part in row for value in (part, 1)]
    fields: exif.Fields = {
        254: numbers("I", 4, 0),
        256: numbers("I", 4, 64),
        257: numbers("I", 4, 48),
        258: numbers("H", 3, 16),
        259: numbers("H", 3, 1),
        262: numbers("H", 3, 32803),
        271: Field(2, 6, b"Maker\0"),
        272: Field(2, 6, b"Model\0"),
        273: numbers("I", 4, 4096),
        274: numbers("H", 3, orientation),
        277: numbers("H", 3, 1),
        278: numbers("I", 4, 48),
        279: numbers("I", 4, 64 * 48 * 2),
        33421: numbers("H", 3, 2, 2),
        33422: Field(1, 4, bytes([0, 1, 1, 2])),
        50706: Field(1, 4, bytes([1, 4, 0, 0])),
        50708: Field(2, 12, b"Maker Model\0"),
        50714: numbers("I", 4, 0),
        50717: numbers("I", 4, 65_535),
        50721: Field(10, 9, struct.pack("<18i", *identity)),
        50728: Field(5, 3, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        50778: numbers("H", 3, 21),
        exif.EXIF: {0x9003: Field(2, 20, b"2024:05:01 12:00:00\0")},
    }
    path.write_bytes(block_of(fields, "<").ljust(4096, b"\0") + mosaic.tobytes())
    return path


def test_camera_raw_is_developed_and_becomes_a_tiff_of_16_bits(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="the extra 'raw' is not installed")
    read = read_photo_file(write_dng(tmp_path / "a.DNG"))
    assert read.pixels.shape == (48, 64, 3)
    assert read.pixels.dtype == np.uint16
    red, green, blue = np.median(read.pixels.reshape(-1, 3), axis=0)
    assert green > max(red, blue)
    target = edited(read.path)
    assert target.suffix == ".tif"
    again = read_photo_file(target)
    assert np.array_equal(again.pixels, read.pixels[::-1])
    assert again.metadata.icc_profile == read.metadata.icc_profile != b""
    with Image.open(target) as image:
        assert image.getexif()[271] == "Maker"
        assert image.getexif().get_ifd(exif.EXIF)[0x9003] == "2024:05:01 12:00:00"
    with pytest.raises(UnreadablePhotoError, match="too large: 64 x 48, at most 100 pixels"):
        read_photo_file(read.path, max_pixels=100)


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_read_upright_and_becomes_a_jpeg(tmp_path: Path, orientation: int) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra 'heif' is not installed")
    pillow_heif.register_heif_opener()
    picture = natural_photo(0, 64, 96)
    block = b"Exif\0\0" + camera_exif(orientation, thumbnail=False)
    source = save(tmp_path / "a.HEIC", Image.fromarray(picture), exif=block, quality=95)
    read = read_photo_file(source)
    upright = UPRIGHT[orientation](picture)
    assert read.pixels.shape == upright.shape
    assert np.abs(read.pixels.astype(int) - upright).mean() < 3
    target = edited(source)
    assert target.suffix == ".jpg"
    with Image.open(target) as image:
        assert image.format == "JPEG"
        assert image.info["icc_profile"] == GREEN_FIRST
        assert image.getexif().get(exif.ORIENTATION, 1) == 1
        assert image.getexif()[271] == "Maker"
    assert np.abs(read_photo_file(target).pixels.astype(int) - read.pixels[::-1]).mean() < 2


@pytest.mark.parametrize(
    ("name", "package", "message"),
    [
        ("a.heic", "pillow_heif", r"HEIC files need the extra 'heif': pip install 'apsi\[heif\]'"),
        ("a.nef", "rawpy", r"camera raw files need the extra 'raw': pip install 'apsi\[raw\]'"),
    ],
)
def test_without_the_package_the_extra_is_named(
    tmp_path: Path, name: str, package: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(struct.pack(">I4s4sI", 24, b"ftyp", b"heic", 0) + b"mif1heic")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ApsiError, match=message):
        read_photo_file(tmp_path / name)


def test_without_avif_in_pillow_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.avif", Image.fromarray(noise()))
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(ApsiError, match=r"a\.avif: AVIF files need Pillow 11\.3 or newer"):
        read_photo_file(tmp_path / "a.avif")


def test_a_photo_is_never_written_over_by_any_of_its_names(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", Image.fromarray(noise()))
    photo, before = read_photo_file(source), source.read_bytes()
    (tmp_path / "link.png").symlink_to(source)
    (tmp_path / "same.png").hardlink_to(source)
    other = save(tmp_path / "other.png", Image.fromarray(noise()))
    for name in ("a.png", "link.png", "same.png", "other.png"):
        with pytest.raises(ApsiError, match="one of the photos, which are never overwritten"):
            save_edited(photo, photo.pixels, tmp_path / name, inputs=[other])
    assert source.read_bytes() == before
    save_edited(photo, photo.pixels, tmp_path / "new.png")
    save_edited(photo, photo.pixels[::-1], tmp_path / "new.png")
    assert np.array_equal(read_photo(tmp_path / "new.png"), read_photo(source)[::-1])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_full_disk_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = save(tmp_path / f"a{suffix}", Image.fromarray(noise()))
    photo = read_photo_file(source)
    target = tmp_path / f"out{suffix}"
    target.write_text("before")

    def parts(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(png, "encode", parts)
    monkeypatch.setattr(tiff, "encode", parts)
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: list(parts()))
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_edited(photo, photo.pixels, target)
    assert caught.value.filename == str(target)
    assert target.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_and_png_of_many_strips_are_read_by_others_bit_for_bit(
    compressed: bool, deep: bool, order: exif.ByteOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "_STRIP_BYTES", 1000)
    monkeypatch.setattr(png, "_BAND_BYTES", 1000)
    pixels = deep_noise(31, 37) if deep else noise(31, 37)
    metadata = Metadata(exif=camera_exif(1, order), icc_profile=SRGB, dpi=(300.0, 240.0))
    for data in (b"".join(tiff.encode(pixels, metadata, compressed)), b"".join(png.encode(pixels, []))):
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert found is not None
        assert np.array_equal(found[..., ::-1], pixels)
        with Image.open(io.BytesIO(data)) as image:
            assert np.abs(np.asarray(image).astype(int) - to_8_bits(pixels)).max() <= deep
    with Image.open(io.BytesIO(b"".join(tiff.encode(pixels, metadata, compressed)))) as image:
        assert image.info["dpi"] == (300, 240)
        assert image.info["icc_profile"] == SRGB


def test_what_a_png_says_of_its_colours_and_in_words_stays(tmp_path: Path) -> None:
    chunks = [(b"gAMA", struct.pack(">I", 45_455)), (b"tEXt", b"Author\0me"), (b"tIME", bytes(7)), (b"bKGD", bytes(6))]
    (tmp_path / "a.png").write_bytes(b"".join(png.encode(noise(), chunks)))
    target = edited(tmp_path / "a.png")
    assert list(png.read_chunks(target.read_bytes())) == chunks[:2]


def test_pixels_that_the_file_has_no_room_for_are_refused(tmp_path: Path) -> None:
    photo = PhotoFile(Path("a.jpg"), "JPEG", noise(), Metadata(), {})
    for wrong, message in ((noise().astype(float), "uint8 or uint16"), (deep_noise(), "a JPEG file has 8 bits")):
        with pytest.raises(ValueError, match=message):
            save_edited(photo, wrong, tmp_path / "b.jpg")  # type: ignore[arg-type]  # what is tested
    assert not any(tmp_path.iterdir())


def test_photos_of_both_depths_become_one_another_within_half_a_level() -> None:
    photo: Photo = noise(40, 30)
    assert np.array_equal(to_8_bits(to_16_bits(photo)), photo)
    deep = deep_noise(40, 30)
    assert np.abs(to_8_bits(deep) - deep / 257).max() <= 0.5
