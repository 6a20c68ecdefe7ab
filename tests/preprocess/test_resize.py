"""The step that reads all files: what can't be used is skipped, counted and explained."""

import csv
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.read import read_photo
from apsi.photo.resize import fit
from apsi.photo.write import encode_png, read_png, write_png
from apsi.preprocess.base import Context
from apsi.preprocess.resize import Resize

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


@pytest.mark.parametrize("place", ["gone", "file.jpg"])
def test_a_missing_folder_and_a_file_instead_of_one_are_errors(tmp_path: Path, context: Context, place: str) -> None:
    (tmp_path / "file.jpg").touch()
    with pytest.raises(ApsiError, match=r"give the folder that holds your photos"):
        RESIZE.run(replace(context, dataset=Folder(str(tmp_path / place), ONCE, [])))


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


@pytest.mark.parametrize(
    ("size", "mode", "message"),
    [(32, "round", "must be one of: square"), (8, "square", "from 16 up"), (65, "square", "even")],
)
def test_settings_that_can_not_work_are_errors(size: int, mode: str, message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        Resize(size, mode, min_side=20)
