"""Originals are found by what they hold; a changed one is never shown; crops are cut before they are made small."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from apsi.dataset.folder import Folder
from apsi.photo import file_index
from apsi.photo.box import WHOLE, Box
from apsi.photo.hash import file_hash
from apsi.photo.write import write_png
from apsi.preference.pair import Version
from apsi.preference.photos import MissingOriginalError, Originals, framed, shown
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(3):
        write_png(tmp_path / "photos" / f"{i}.png", natural_photo(i))
    return tmp_path / "photos"


def originals(photos: Path) -> Originals:
    return Originals(Folder(str(photos), {"train": 1}, []), photos.parent / "data")


def version(photos: Path, name: str) -> Version:
    return Version(file_hash(photos / name), name)


def test_a_photo_is_found_where_its_folder_or_name_changed(photos: Path) -> None:
    wanted = version(photos, "1.png")
    assert np.array_equal(originals(photos).read(wanted), natural_photo(1))
    moved = photos.rename(photos.with_name("elsewhere"))
    (moved / "1.png").rename(moved / "renamed.png")
    (moved / "0.png").rename(moved / "1.png")
    assert originals(moved).path(wanted) == moved / "renamed.png"


def test_a_changed_photo_is_told_and_not_shown(photos: Path) -> None:
    wanted, gone = version(photos, "1.png"), version(photos, "2.png")
    write_png(photos / "1.png", natural_photo(9))
    (photos / "2.png").unlink()
    with pytest.raises(MissingOriginalError, match=r"1\.png was changed after its pairs were made"):
        originals(photos).read(wanted)
    with pytest.raises(MissingOriginalError, match=r"2\.png is not among the photos"):
        originals(photos).read(gone)


def test_a_photo_that_changes_while_it_is_in_use_is_told(photos: Path) -> None:
    there, wanted = originals(photos), [version(photos, "1.png"), version(photos, "2.png")]
    (photos / "2.png").rename(photos / "renamed.png")
    assert [there.path(one).name for one in wanted] == ["1.png", "renamed.png"]
    write_png(photos / "1.png", natural_photo(9))
    write_png(photos / "renamed.png", natural_photo(8))
    for one in wanted:
        with pytest.raises(MissingOriginalError):
            there.read(one)


def test_remembered_hashes_are_read_once_and_not_written_for_what_they_hold(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [version(photos, f"{i}.png") for i in range(3)]
    for one in wanted:
        originals(photos).path(one)
    calls: list[str] = []
    read, write, known_hash = file_index._read_index, file_index._write_index, file_index._hash
    monkeypatch.setattr(file_index, "_read_index", lambda index: calls.append("read") or read(index))
    monkeypatch.setattr(file_index, "_write_index", lambda *some: calls.append("write") or write(*some))
    monkeypatch.setattr(file_index, "_hash", lambda *some, **more: calls.append("hash") or known_hash(*some, **more))
    there = originals(photos)
    with ThreadPoolExecutor(4) as threads:
        assert len(list(threads.map(there.read, wanted * 3))) == 9
    assert calls == ["read"]


def test_a_photo_that_can_no_longer_be_read_is_told(photos: Path) -> None:
    (photos / "1.png").write_bytes(b"nothing")
    with pytest.raises(MissingOriginalError, match="can't be read"):
        originals(photos).read(version(photos, "1.png"))


def test_a_crop_is_cut_from_the_original_and_then_made_small() -> None:
    photo = natural_photo(0, 400, 600)
    recipe = Recipe.of(["crop(0.500,0.500,1.000,1.000)", "warmth"])
    small = shown(photo, recipe, 100)
    assert small.shape == (67, 100, 3)
    assert shown(photo, recipe, 5000).shape == (200, 300, 3), "nothing is enlarged"
    one = framed(photo, recipe, 100)
    assert np.array_equal(one.photo, small) and one.box == Box(0.5, 0.5, 1, 1)
    assert one.uncut is not None and one.uncut.shape == (67, 100, 3)


def test_two_crops_in_a_row_are_a_part_of_a_part() -> None:
    photo = natural_photo(0, 400, 600)
    recipe = Recipe.of(["crop(0.000,0.000,0.500,0.500)", "crop(0.500,0.500,1.000,1.000)"])
    assert framed(photo, recipe, 100).box == Box(0.25, 0.25, 0.5, 0.5)


def test_what_is_not_cut_has_the_whole_frame() -> None:
    one = framed(natural_photo(0), Recipe.of(["warmth"]), 50)
    assert one.box == WHOLE and one.uncut is None
