"""Photos out of files of any kind, and their sizes out of headers alone."""

import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from apsi.photo.exif import ByteOrder
from apsi.photo.formats import read_any, read_size_of_any, why_unread
from apsi.photo.full_size import NO_EXIF, read_photo_file
from apsi.photo.metadata import stored_orientation
from apsi.photo.read import UnreadablePhotoError, read_photo
from apsi.photo.save import save_edited
from tests.conftest import natural_photo
from tests.photo.test_full_size import camera_exif, write_dng

PICTURE = natural_photo(0, 64, 96)


def written(path: Path, orientation: int = 1) -> Path:
    """The picture in the kind of file that its name says."""
    if path.suffix == ".heic":
        pytest.importorskip("pillow_heif", reason="the extra 'heif' is not installed").register_heif_opener()
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(PICTURE).save(path, exif=exif.tobytes(), quality=95)  # as bytes, HEIC is turned too
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".avif", ".heic"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_photos_are_upright_and_headers_say_the_size_that_they_have_then(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = written(tmp_path / f"a{suffix}", orientation)
    expected = np.rot90(PICTURE, -1) if orientation == 6 else PICTURE
    photo = read_any(path)
    assert photo.shape == expected.shape and photo.dtype == np.uint8
    assert np.abs(photo.astype(int) - expected).mean() < 4
    assert read_size_of_any(path) == photo.shape[:2]


def test_heic_under_the_name_of_a_jpeg_is_read_for_what_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "a.heic").rename(tmp_path / "a.jpg")
    assert read_any(path).shape == PICTURE.shape
    assert read_size_of_any(path) == PICTURE.shape[:2]


def test_camera_raw_is_developed_into_8_bits_within_the_limit(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="the extra 'raw' is not installed")
    path = write_dng(tmp_path / "a.DNG")
    photo = read_any(path)
    assert (photo.shape, photo.dtype) == ((48, 64, 3), np.uint8)
    assert read_size_of_any(path) == (48, 64)
    with pytest.raises(UnreadablePhotoError, match="too large: 64 x 48, at most 100 pixels"):
        read_any(path, max_pixels=100)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_camera_raw_is_turned_as_the_header_says(tmp_path: Path, orientation: int) -> None:
    pytest.importorskip("rawpy", reason="the extra 'raw' is not installed")
    path = write_dng(tmp_path / "a.dng", orientation=orientation)
    assert read_size_of_any(path) == read_any(path).shape[:2] == ((64, 48) if orientation >= 5 else (48, 64))
    assert stored_orientation(path.read_bytes(), path) == orientation


def fake_rawpy(flip: int) -> ModuleType:
    """A stand-in for the package, whatever the file: a picture of 6 x 4 that LibRaw turns so."""
    sizes = SimpleNamespace(raw_width=6, raw_height=4, width=6, height=4, flip=flip)
    pixels = np.zeros((6, 4, 3) if flip & 4 else (4, 6, 3), np.uint16)
    package = ModuleType("rawpy")
    raw = SimpleNamespace(sizes=sizes, postprocess=lambda **_: pixels)
    package.imread = lambda _: nullcontext(raw)  # type: ignore[attr-defined]
    package.LibRawError = ArithmeticError  # type: ignore[attr-defined]
    package.ColorSpace = SimpleNamespace(sRGB=1)  # type: ignore[attr-defined]
    return package


@pytest.mark.parametrize(("flip", "orientation"), [(0, 1), (3, 3), (5, 8), (6, 6), (7, 7), (90, 6), (270, 8)])
def test_how_camera_raw_was_turned_is_what_libraw_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: int, orientation: int
) -> None:
    """The header of some kinds of raw file can't be read, that of others says how its thumbnail is turned."""
    monkeypatch.setitem(sys.modules, "rawpy", fake_rawpy(flip))
    (tmp_path / "a.RAF").write_bytes(b"FUJIFILMCCD-RAW 0201")
    assert stored_orientation((tmp_path / "a.RAF").read_bytes(), tmp_path / "a.RAF") == orientation
    assert read_size_of_any(tmp_path / "a.RAF") == ((6, 4) if orientation >= 5 else (4, 6))


@pytest.mark.parametrize("magic", [b"II*\0", b"IIRO", b"IIRS", b"IIU\0", b"MM\0*", b"MMOR"])
def test_what_a_raw_file_that_is_built_like_tiff_says_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, magic: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", fake_rawpy(6))
    order: ByteOrder = "<" if magic.startswith(b"I") else ">"
    path, target = tmp_path / "a.orf", tmp_path / "edited.tif"
    path.write_bytes(magic + camera_exif(6, order, thumbnail=False)[4:])
    photo = read_photo_file(path)
    assert photo.remarks == ()
    save_edited(photo, photo.pixels, target)
    with Image.open(target) as image:
        assert image.getexif()[271] == "Maker"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2024:05:01 12:00:00"
        assert image.size == (4, 6)
        assert image.getexif()[274] == 1


@pytest.mark.parametrize("data", [b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"])
def test_a_raw_file_that_does_not_say_when_and_how_it_was_taken_is_read_with_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", fake_rawpy(0))
    (tmp_path / "a.raf").write_bytes(data)
    assert read_photo_file(tmp_path / "a.raf").remarks == (NO_EXIF,)


def test_a_common_photo_is_what_read_photo_reads(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jpg")
    assert np.array_equal(read_any(path), read_photo(path))


@pytest.mark.parametrize(("name", "package", "extra"), [("a.heic", "pillow_heif", "heif"), ("a.dng", "rawpy", "raw")])
def test_without_its_extra_a_file_is_unreadable_and_says_which(
    tmp_path: Path, name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_dng(tmp_path / name) if name == "a.dng" else written(tmp_path / name)
    monkeypatch.setitem(sys.modules, package, None)
    for read in (read_any, read_size_of_any):
        with pytest.raises(UnreadablePhotoError, match=rf"pip install 'apsi\[{extra}\]'"):
            read(path)


def test_what_is_no_photo_is_unreadable_under_every_suffix(tmp_path: Path) -> None:
    for suffix in (".jpg", ".heic", ".avif", ".dng"):
        (tmp_path / f"a{suffix}").write_bytes(b"\0\0\0\x18ftypheic" + b"no photo" * 40)
        for read in (read_any, read_size_of_any):
            with pytest.raises(UnreadablePhotoError):
                read(tmp_path / f"a{suffix}")


def test_only_suffixes_of_photos_are_read() -> None:
    assert [why_unread(suffix) for suffix in (".JPG", ".tiff", ".heic", ".NEF")] == ["", "", "", ""]
    assert why_unread(".psd").startswith("not an image format that is read (avif bmp")
