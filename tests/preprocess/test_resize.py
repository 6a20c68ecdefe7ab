"""The step that reads all files: what can't be used is skipped, counted and explained."""

import csv
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apsi.dataset.folder import Folder
from apsi.dataset.selection import Selection
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.formats import read_any
from apsi.photo.hash import file_hash
from apsi.photo.read import read_photo
from apsi.photo.resample import fit
from apsi.photo.write import encode_png, read_png, write_png
from apsi.preprocess import resize
from apsi.preprocess.base import Context
from apsi.preprocess.resize import Resize, read_skipped
from apsi.preprocess.source import read_source
from tests.photo.test_full_size import write_dng
from tests.photo.test_jpeg import with_scans
from tests.photo.test_read import png_header

ONCE = {"train": 1, "val": 1, "test": 1}
RESIZE = Resize(size=32, mode="square", min_side=20)


@pytest.fixture
def messy(tmp_path: Path, new_photo: Callable[[int], Photo]) -> Path:
    """Two good photos among files that are not."""
    folder = tmp_path / "messy"
    (folder / "deep").mkdir(parents=True)
    photo = new_photo(0)
    write_png(folder / "good.png", photo)
    Image.fromarray(photo).save(folder / "deep" / "good.png", format="JPEG")
    write_png(folder / "tiny.png", photo[:19])
    (folder / "deep" / "cut.png").write_bytes(encode_png(photo)[:2000])
    (folder / "empty.jpg").touch()
    (folder / "text, renamed.jpg").write_text("not a photo")
    (folder / "notes.txt").write_text("a shopping list")
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    return folder


@pytest.fixture
def messy_context(messy: Path, context: Context) -> Context:
    return replace(context, dataset=Folder(str(messy), ONCE, []))


def test_every_file_that_can_not_be_used_is_named_with_its_reason(messy_context: Context) -> None:
    reasons = {entry.name: entry.reason for entry in RESIZE.run(messy_context).skipped}
    expected = {
        "notes.txt": "not an image format that is read",
        "tiny.png": "too small: 44 x 19, the shorter side must have 20 pixels",
        "deep/cut.png": "corrupt or truncated",
        "empty.jpg": "the file is empty",
        "text, renamed.jpg": "not an image",
        "gone.jpg": "can't be opened: No such file",
    }
    assert set(reasons) == set(expected)
    assert all(reasons[name].startswith(start) for name, start in expected.items())


def test_skipped_csv_holds_the_same_list(messy_context: Context) -> None:
    after = RESIZE.run(messy_context)
    with (after.folder("resize") / "skipped.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["file"], row["reason"]) for row in csv.DictReader(file)]
    assert rows == [(entry.name, entry.reason) for entry in after.skipped]
    assert RESIZE.run(messy_context).skipped == after.skipped


def test_good_photos_are_kept_apart_even_under_one_name(messy_context: Context, messy: Path) -> None:
    after = RESIZE.run(messy_context)
    assert [record.source for record in after.records] == ["good.png", "deep/good.png"]
    for record, image in zip(after.records, after.images, strict=True):
        assert np.array_equal(read_png(image), fit(read_photo(messy / record.source), 32, "square"))
        assert (record.width, record.height) == (32, 32)


def test_longest_side_keeps_the_shape_of_each_photo(context: Context) -> None:
    after = Resize(size=32, mode="longest_side", min_side=16).run(context)
    assert {(record.width, record.height) for record in after.records} == {(32, 26)}
    assert read_png(after.images[0]).shape == (26, 32, 3)


def test_a_folder_without_a_usable_photo_is_an_error_with_reasons(messy_context: Context, messy: Path) -> None:
    (messy / "good.png").unlink()
    (messy / "deep" / "good.png").unlink()
    with pytest.raises(
        ApsiError, match=r"no usable photo in the data set 'messy': 6 files skipped \(.+: .+\)"
    ) as caught:
        RESIZE.run(messy_context)
    assert Path(str(caught.value).split("stands in ")[1]).is_file()


def test_an_empty_folder_is_an_error(tmp_path: Path, context: Context) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ApsiError, match=r"no usable photo in the data set 'empty': 0 files skipped \(there are no files"
    ):
        RESIZE.run(replace(context, dataset=Folder(str(tmp_path / "empty"), ONCE, [])))


def test_a_missing_folder_is_an_error(tmp_path: Path, context: Context) -> None:
    with pytest.raises(ApsiError, match=r"give the folder that holds your photos"):
        RESIZE.run(replace(context, dataset=Folder(str(tmp_path / "gone"), ONCE, [])))


def test_a_single_file_is_a_data_set_of_one_photo(messy_context: Context, messy: Path) -> None:
    after = RESIZE.run(replace(messy_context, dataset=Folder(str(messy / "deep" / "good.png"), ONCE, [])))
    assert [record.source for record in after.records] == ["good.png"]
    with pytest.raises(ApsiError, match=r"1 files skipped \(notes\.txt: not an image format"):
        RESIZE.run(replace(messy_context, dataset=Folder(str(messy / "notes.txt"), ONCE, [])))


def test_a_repaired_file_is_used_in_the_next_run(
    messy_context: Context, messy: Path, new_photo: Callable[[int], Photo]
) -> None:
    before = RESIZE.run(messy_context)
    write_png(messy / "deep" / "cut.png", new_photo(1))
    after = RESIZE.run(messy_context)
    assert (len(before.records), len(after.records)) == (2, 3)
    assert len(after.skipped) == len(before.skipped) - 1


def test_the_photos_content_counts_and_not_its_time(messy_context: Context, messy: Path) -> None:
    before = RESIZE.run(messy_context)
    os.utime(messy / "good.png", ns=(0, 1))
    assert RESIZE.run(messy_context).key == before.key


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /dev/zero, or allow no such names")
def test_hostile_files_are_skipped_by_name_and_the_rest_goes_on(messy_context: Context, messy: Path) -> None:
    os.mkfifo(messy / "pipe.jpg")
    (messy / "loop.jpg").symlink_to(messy / "loop.jpg")
    (messy / "device.png").symlink_to("/dev/zero")
    (messy / "two\nlines,\r and a comma.jpg").write_text("not a photo")
    (messy / "large photo.png").write_bytes(png_header(24_000, 24_000, 16, 0))
    (messy / "scans.jpg").write_bytes(with_scans(300))
    Path(os.fsdecode(os.fsencode(messy) + b"/caf\xe9.jpg")).symlink_to(os.fsdecode(b"caf\xe9.jpg"))
    with (messy / "sparse.jpg").open("wb") as file:
        file.truncate(10**12)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(messy / "socket.jpg"))
    before, after = RESIZE.run(messy_context), RESIZE.run(messy_context)
    assert [record.source for record in after.records] == ["good.png", "deep/good.png"]
    reasons = {entry.name: entry.reason for entry in after.skipped}
    assert {name: reasons[name] for name in reasons if name not in ("notes.txt", "tiny.png", "deep/cut.png")} == {
        "empty.jpg": "the file is empty",
        "text, renamed.jpg": "not an image, or of a kind that is not read",
        "gone.jpg": "can't be opened: No such file or directory",
        "pipe.jpg": "can't be opened: not a regular file but a named pipe",
        "loop.jpg": "can't be opened: Too many levels of symbolic links",
        "device.png": "can't be opened: not a regular file but a device",
        "socket.jpg": "can't be opened: not a regular file but a socket",
        "sparse.jpg": "can't be opened: it has 1,000,000,000,000 bytes, at most 1,667,108,864 are read "
        "(dataset.max_pixels)",
        "two\\nlines,\\r and a comma.jpg": "its name has a line break or another control character; rename it",
        "large photo.png": "too large: 24000 x 24000, at most 200000000 pixels",
        "scans.jpg": "too many scans: at most 100 in a JPEG of 64 x 48; save it anew",
        "caf?.jpg": "its name is not UTF-8; rename it",
    }
    assert after.skipped == before.skipped == read_skipped(after.folder("resize") / "skipped.csv")


def test_letters_that_can_not_be_printed_are_left_out_of_the_names_of_copies(
    messy_context: Context, messy: Path
) -> None:
    (messy / "good.png").rename(messy / "good\u200bphoto.png")
    after = RESIZE.run(messy_context)
    assert [record.source for record in after.records] == ["good\u200bphoto.png", "deep/good.png"]
    assert after.images[0].name.startswith("good_photo-")


def test_the_limit_of_pixels_is_part_of_the_outcome(messy_context: Context, messy: Path) -> None:
    few = replace(messy_context, dataset=Folder(str(messy), ONCE, [], max_pixels=44 * 36 - 1))
    with pytest.raises(ApsiError, match="no usable photo") as caught:
        RESIZE.run(few)
    reasons = {entry.name: entry.reason for entry in read_skipped(Path(str(caught.value).split("stands in ")[1]))}
    assert reasons["good.png"] == reasons["deep/good.png"] == "too large: 44 x 36, at most 1583 pixels"
    assert len(RESIZE.run(messy_context).records) == 2


@pytest.mark.parametrize("keeps_its_time", [False, True])
def test_a_file_that_changes_after_it_was_hashed_is_kept_under_its_new_hash(
    messy_context: Context,
    messy: Path,
    new_photo: Callable[[int], Photo],
    monkeypatch: pytest.MonkeyPatch,
    *,
    keeps_its_time: bool,
) -> None:
    path, changes = messy / "good.png", []

    def change_first(file: Path, digest: str, max_pixels: int) -> Photo:
        if file == path and not changes:
            stat = path.stat()
            path.write_bytes(encode_png(new_photo(7)).ljust(stat.st_size, b"\0"))
            if keeps_its_time:
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            changes.append(path)
        return read_source(file, digest, max_pixels)

    monkeypatch.setattr(resize, "read_source", change_first)
    after = RESIZE.run(messy_context)
    assert after.records[0].original == file_hash(path)
    assert np.array_equal(read_png(after.images[0]), fit(new_photo(7), 32, "square"))


def test_a_file_that_never_comes_to_rest_is_an_error_that_names_it(
    messy_context: Context, messy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(file: Path, digest: str, max_pixels: int) -> Photo:
        with file.open("ab") as opened:
            opened.write(b"more")
        return read_source(file, digest, max_pixels)

    monkeypatch.setattr(resize, "read_source", change)
    with pytest.raises(ApsiError, match=r"\.(jpg|png) changes while it is read; run the same command again"):
        RESIZE.run(messy_context)


@pytest.mark.parametrize(
    ("size", "mode", "message"),
    [(32, "round", "must be one of: square"), (8, "square", "from 16 up"), (65, "square", "even")],
)
def test_settings_that_can_not_work_are_errors(size: int, mode: str, message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        Resize(size, mode, min_side=20)


def test_what_is_known_of_photos_comes_along_and_is_part_of_the_outcome(messy_context: Context, messy: Path) -> None:
    before = RESIZE.run(messy_context)
    (messy / "photos.csv").write_text("file,author,tags\ngood.png,Ana,sea\n")
    after = RESIZE.run(messy_context)
    assert [record.facts.author for record in after.records] == ["Ana", ""]
    assert after.key != before.key
    assert "photos.csv" not in {entry.name for entry in after.skipped}
    (messy / "photos.csv").unlink()
    assert RESIZE.run(messy_context).key == before.key


def test_which_photos_are_taken_is_part_of_the_outcome_and_those_that_are_not_are_counted(
    messy_context: Context, messy: Path
) -> None:
    whole = RESIZE.run(messy_context)
    dataset = Folder(str(messy), ONCE, [])
    dataset.selection = Selection(limit=1)
    few = RESIZE.run(replace(messy_context, dataset=dataset))
    assert len(few.records) == 1 and few.key != whole.key
    assert sum(few.left_out.values()) >= 1 and whole.left_out == {}
    dataset.selection = Selection(limit=99)
    assert {record.source for record in RESIZE.run(replace(messy_context, dataset=dataset)).records} == {
        record.source for record in whole.records
    }


@pytest.mark.parametrize("suffix", [".heic", ".dng"])
def test_photos_of_phones_and_cameras_are_read_through_the_extras(
    context: Context, tmp_path: Path, suffix: str, new_photo: Callable[[int], Photo]
) -> None:
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / f"a{suffix}"
    if suffix == ".heic":
        pytest.importorskip("pillow_heif", reason="the extra 'heif' is not installed").register_heif_opener()
        Image.fromarray(new_photo(0)).save(path)
    else:
        pytest.importorskip("rawpy", reason="the extra 'raw' is not installed")
        write_dng(path)
    after = RESIZE.run(replace(context, dataset=Folder(str(tmp_path / "raw"), ONCE, [])))
    assert np.array_equal(read_png(after.images[0]), fit(read_any(path), 32, "square"))
