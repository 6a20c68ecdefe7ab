"""Parts of files without loss: of JPEG files by their blocks, of lossless formats by nature; else it is said."""

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from apsi.errors import ApsiError
from apsi.photo import exif, lossless, tiff
from apsi.photo.depth import to_16_bits
from apsi.photo.full_size import PhotoFile, read_photo_file
from apsi.photo.jpeg import baseline_of
from apsi.photo.metadata import Metadata, app13
from apsi.photo.read import UnreadablePhotoError
from apsi.photo.save import ONLY_JPEG, save_cut
from tests.conftest import natural_photo
from tests.photo.test_full_size import GPS_PLACE, camera_exif, write_deep
from tests.photo.test_metadata import XMP
from tests.photo.test_read import GREEN_FIRST

PHOTO = natural_photo(3, 1200, 1606)
PART = (101, 67, 1101, 734)
"""1000 x 667 pixels"""
CAPTION = b"\x1c\x02\x78\x00\x0bA red boat."


def write(path: Path, orientation: int = 1, image: Image.Image | None = None, **options: Any) -> PhotoFile:
    options = {"quality": 90, "exif": b"Exif\0\0" + camera_exif(orientation), "icc_profile": GREEN_FIRST} | options
    (image or Image.fromarray(PHOTO)).save(path, **options)
    return read_photo_file(path)


def upright(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


@pytest.fixture
def jpeglib() -> Any:
    return pytest.importorskip("jpeglib", reason="the extra 'lossless' is not installed")


def test_it_is_not_installed_and_the_same_tables_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lossless, "find_spec", lambda _: None)
    photo = write(tmp_path / "a.jpg", subsampling=1)
    pixels, remarks = save_cut(photo, PART, tmp_path / "b.jpg")
    assert remarks == (lossless.NOT_INSTALLED,)
    assert np.array_equal(pixels, photo.pixels[67:734, 101:1101])
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "b.jpg") as after:
        assert after.size == (1000, 667)
        assert before.quantization == after.quantization  # type: ignore[attr-defined]  # of JPEG files


@pytest.mark.parametrize(
    ("orientation", "subsampling"), [*((turn, 2) for turn in range(1, 9)), (1, 0), (1, 1), (6, 0), (6, 1), (5, 1)]
)
def test_coefficients_size_and_pixels_are_those_of_the_original(
    orientation: int, subsampling: int, tmp_path: Path, jpeglib: Any
) -> None:
    photo = write(tmp_path / "a.jpg", orientation, subsampling=subsampling)
    pixels, remarks = save_cut(photo, PART, tmp_path / "b.jpg")
    assert remarks == (lossless.MOVED,)
    found = upright(tmp_path / "b.jpg")
    assert found.shape == (667, 1000, 3) and np.array_equal(found, pixels)
    places = [
        (y, x)
        for y in range(PART[1] - 15, PART[1] + 16)
        for x in range(PART[0] - 15, PART[0] + 16)
        if np.array_equal(found[16:651:40, 16:984:40], photo.pixels[y + 16 : y + 651 : 40, x + 16 : x + 984 : 40])
    ]
    ((top, left),) = places
    assert max(abs(top - PART[1]), abs(left - PART[0])) <= 8
    assert np.array_equal(found[16:-16, 16:-16], photo.pixels[top + 16 : top + 651, left + 16 : left + 984])
    whole, part = jpeglib.read_dct(str(tmp_path / "a.jpg")), jpeglib.read_dct(str(tmp_path / "b.jpg"))
    assert np.array_equal(whole.qt, part.qt) and np.array_equal(whole.samp_factor, part.samp_factor)
    for name in ("Y", "Cb", "Cr"):
        blocks, kept = getattr(whole, name), getattr(part, name)
        rows, columns = kept.shape[:2]
        assert any(
            np.array_equal(blocks[y : y + rows, x : x + columns], kept)
            for y in range(blocks.shape[0] - rows + 1)
            for x in range(blocks.shape[1] - columns + 1)
            if np.array_equal(blocks[y, x], kept[0, 0])
        ), name


@pytest.mark.parametrize("orientation", [1, 6])
def test_what_the_file_says_stays_but_for_what_is_no_longer_true(
    orientation: int, tmp_path: Path, jpeglib: Any
) -> None:
    photo = write(tmp_path / "a.jpg", orientation, xmp=XMP, comment=b"by me", extra=app13(CAPTION), dpi=(240, 240))
    save_cut(photo, PART, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == ((667, 1000) if orientation == 6 else (1000, 667))
        assert image.info["icc_profile"] == GREEN_FIRST and image.info["comment"] == b"by me"
        assert image.info["photoshop"][0x0404] == CAPTION and image.info["dpi"] == (240, 240)
        assert b"Rating" in image.info["xmp"] and b"Thumbnails" not in image.info["xmp"]
        found = image.getexif()
        assert found[exif.ORIENTATION] == orientation and found[271] == "Maker" and not found.get_ifd(1)
        inner = found.get_ifd(exif.EXIF)
        assert (inner[0xA002], inner[0xA003]) == image.size and inner[0x927C] == bytes(range(40))
    assert GPS_PLACE in (tmp_path / "b.jpg").read_bytes()
    save_cut(photo, PART, tmp_path / "c.jpg", strip_gps=True)
    without = (tmp_path / "c.jpg").read_bytes()
    assert GPS_PLACE not in without and b"GPS" not in without


def test_a_part_on_the_grid_does_not_move_and_one_at_the_end_stays_within(tmp_path: Path, jpeglib: Any) -> None:
    photo = write(tmp_path / "a.jpg", subsampling=2)
    on_grid, remarks = save_cut(photo, (160, 64, 1160, 700), tmp_path / "b.jpg")
    assert remarks == (lossless.KEPT,)
    assert np.array_equal(on_grid[16:-16, 16:-16], photo.pixels[80:684, 176:1144])
    height, width = photo.pixels.shape[:2]
    end, remarks = save_cut(photo, (width - 1000, height - 700, width, height), tmp_path / "c.jpg")
    assert end.shape == (700, 1000, 3) and remarks == (lossless.MOVED,)
    whole, remarks = save_cut(photo, (0, 0, width, height), tmp_path / "d.jpg")
    assert np.array_equal(whole, photo.pixels) and remarks == (lossless.KEPT,)


@pytest.mark.parametrize(
    ("options", "image", "remark"),
    [
        ({"progressive": True}, None, lossless.OTHER_KIND),
        ({}, Image.fromarray(PHOTO).convert("L"), lossless.OTHER_KIND),
        ({"keep_rgb": True, "subsampling": 0}, None, lossless.OTHER_KIND),
        ({"subsampling": 2}, Image.fromarray(PHOTO[:700, :700]), lossless.TOO_SMALL),
    ],
    ids=["progressive", "gray", "rgb", "small"],
)
def test_what_is_not_cut_without_is_compressed_anew_and_that_is_said(
    options: dict[str, Any], image: Image.Image | None, remark: str, tmp_path: Path, jpeglib: Any
) -> None:
    photo = write(tmp_path / "a.jpg", image=image, **options)
    part = (104, 72, 504, 472)
    pixels, remarks = save_cut(photo, part, tmp_path / "b.jpg")
    assert remarks == (remark,)
    assert np.array_equal(pixels, photo.pixels[72:472, 104:504])
    assert upright(tmp_path / "b.jpg").shape == (400, 400, 3)


def test_of_a_very_large_photo_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jpeglib: Any) -> None:
    monkeypatch.setattr(lossless, "_LARGEST", PHOTO.shape[0] * PHOTO.shape[1] - 1)
    assert save_cut(write(tmp_path / "a.jpg"), PART, tmp_path / "b.jpg")[1] == (lossless.TOO_LARGE,)


@pytest.mark.parametrize("wrong", ["crash", "slow", "nothing", "other pixels", "other file", "no file"])
def test_what_goes_wrong_is_seen_and_said(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, jpeglib: Any
) -> None:
    photo = write(tmp_path / "a.jpg")

    def run(words: list[str], **_: Any) -> None:
        if wrong == "crash":
            raise subprocess.CalledProcessError(-11, words)
        if wrong == "slow":
            raise subprocess.TimeoutExpired(words, 1)
        if wrong == "other pixels":
            Image.fromarray(255 - PHOTO[:667, :1000]).save(words[4], quality=90)

    if wrong == "other file":
        write(tmp_path / "a.jpg", image=Image.fromarray(PHOTO[:-8]))
    elif wrong == "no file":
        (tmp_path / "a.jpg").unlink()
    else:
        monkeypatch.setattr(subprocess, "run", run)
    pixels, remarks = save_cut(photo, PART, tmp_path / "b.jpg")
    assert remarks == (lossless.FAILED,)
    assert np.array_equal(pixels, photo.pixels[67:734, 101:1101])
    assert "a.jpg can't be cut" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.jpg"] if wrong == "no file" else ["a.jpg", "b.jpg"]


def test_the_photo_itself_is_never_written_over(tmp_path: Path, jpeglib: Any) -> None:
    photo = write(tmp_path / "a.jpg")
    before = photo.path.read_bytes()
    with pytest.raises(ApsiError, match="never overwritten"):
        save_cut(photo, PART, tmp_path / "a.jpg")
    assert photo.path.read_bytes() == before


@pytest.mark.slow
def test_damage_gives_a_part_or_a_remark_never_another_error(tmp_path: Path, jpeglib: Any) -> None:
    """Files that Pillow still reads, as its decoder and jpeglib's may forgive other things."""
    write(tmp_path / "a.jpg", image=Image.fromarray(PHOTO[:1000, :1000]), restart_marker_blocks=7)
    data, rng, said = (tmp_path / "a.jpg").read_bytes(), np.random.default_rng(0), set()
    begin = data.index(b"\xff\xda")
    comments = data[:2] + b"\xff\xfe\0\x04hi" * 300 + data[2:]
    damaged = [comments, data[:-2] + b"\xff\xda\0\x02\xff\xd9"]
    for k in range(10):
        changed = bytearray(data)
        for place in rng.integers(2 if k % 2 else begin, begin + 14 if k % 2 else len(data) - 2, 3):
            changed[place] = rng.integers(256)
        damaged.append(bytes(changed))
    for one in damaged:
        (tmp_path / "a.jpg").write_bytes(one)
        try:
            photo = read_photo_file(tmp_path / "a.jpg")
        except (UnreadablePhotoError, ApsiError):
            continue
        if photo.pixels.shape[:2] == (1000, 1000):
            said |= set(save_cut(photo, (101, 67, 801, 734), tmp_path / "b.jpg")[1])
    assert lossless.MOVED in said
    assert said <= set(lossless.REMARKS)


@settings(max_examples=200)
@given(st.data())
def test_headers_may_be_anything(data: st.DataObject) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PHOTO[:40, :48]).save(buffer, "JPEG")
    whole = bytearray(buffer.getvalue())
    assert baseline_of(bytes(whole)) is not None
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, 640))] = data.draw(st.integers(0, 255))
    found = baseline_of(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    if found is not None:
        assert found.width and found.height and {found.across, found.down} <= {8, 16}
        assert baseline_of(found.data) == found


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_formats_without_loss_lose_nothing(suffix: str, orientation: int, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    photo = write(path, orientation, image=Image.fromarray(PHOTO[:100, :150]), lossless=True)
    _, remarks = save_cut(photo, (11, 7, 61, 57), path.with_stem("b"))
    found = read_photo_file(path.with_stem("b"))
    assert remarks == () and np.array_equal(found.pixels, photo.pixels[7:57, 11:61])
    assert found.metadata.icc_profile == photo.metadata.icc_profile
    assert bool(found.metadata.exif) == bool(photo.metadata.exif)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_stay(suffix: str, tmp_path: Path) -> None:
    path = write_deep(tmp_path / f"a{suffix}", to_16_bits(PHOTO[:90, :120]) + np.uint16(77), 6)
    if suffix == ".tif":
        path.write_bytes(b"".join(tiff.encode(to_16_bits(PHOTO[:90, :120]), Metadata(icc_profile=GREEN_FIRST), True)))
    photo = read_photo_file(path)
    _, remarks = save_cut(photo, (11, 7, 61, 57), path.with_stem("b"))
    found = read_photo_file(path.with_stem("b"))
    assert remarks == () and found.pixels.dtype == np.uint16
    assert np.array_equal(found.pixels, photo.pixels[7:57, 11:61])
    assert found.metadata.icc_profile == photo.metadata.icc_profile


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_other_formats_with_loss_are_compressed_anew_and_that_is_said(suffix: str, tmp_path: Path) -> None:
    photo = write(tmp_path / f"a{suffix}", image=Image.fromarray(PHOTO[:100, :150]))
    assert save_cut(photo, (11, 7, 61, 57), tmp_path / f"b{suffix}")[1] == (ONLY_JPEG,)
