"""Photos out of files of any kind, and their sizes out of headers alone."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apsi.photo.formats import read_any, read_size_of_any, why_unread
from apsi.photo.read import UnreadablePhotoError, read_photo
from tests.conftest import natural_photo
from tests.photo.test_full_size import write_dng

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
