"""Copies of a photo under other names stay in its split and are listed."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from apsi.dataset.folder import Folder
from apsi.photo.write import write_png
from apsi.preprocess.base import Context
from apsi.preprocess.copies import Copy, read_copies, write_copies
from apsi.preprocess.resize import Resize
from apsi.preprocess.split import Split
from apsi.preprocess.steps import Prepared
from tests.conftest import natural_photo

COPIES = {"b.jpg": "looks alike", "c.png": "same pixels", "d.png": "same file", "e.webp": "looks alike"}
RESIZE = Resize(96, "square", min_side=16)
SPLIT = Split(0.4, 0.3, 0.3)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos and, of each of the first three, four copies."""
    folder = tmp_path_factory.mktemp("copied")
    for i in range(10):
        photo = natural_photo(i, 120, 160)
        write_png(folder / f"{i} a.png", photo)
        if i < 3:
            Image.fromarray(photo).save(folder / f"{i} b.jpg", quality=40)
            Image.fromarray(photo).save(folder / f"{i} c.png", compress_level=9)
            shutil.copy(folder / f"{i} a.png", folder / f"{i} d.png")
            Image.fromarray(photo[5:, 6:]).resize((77, 58)).save(folder / f"{i} e.webp", quality=60)
    return folder


@pytest.fixture
def resized(copied: Path, context: Context) -> Context:
    return RESIZE.run(replace(context, dataset=Folder(str(copied), {"train": 1, "val": 1, "test": 1}, [])))


def test_no_copy_is_in_another_split_whatever_the_seed(resized: Context) -> None:
    for seed in range(8):
        dealt = {r.source: r.split for r in SPLIT.run(replace(resized, seed=seed)).records}
        for i in range(3):
            assert len({dealt[f"{i} {name}"] for name in ("a.png", *COPIES)}) == 1
        firsts = [dealt[f"{i} a.png"] for i in range(10)]
        assert [firsts.count(split) for split in ("train", "val", "test")] == [4, 3, 3]


def test_every_copy_is_named_with_its_photo_its_reason_and_its_split(resized: Context) -> None:
    after = SPLIT.run(resized)
    dealt = {r.source: r.split for r in after.records}
    assert set(after.copies) == {
        Copy(f"{i} {name}", f"{i} a.png", reason, dealt[f"{i} a.png"])
        for i in range(3)
        for name, reason in COPIES.items()
    }
    assert SPLIT.run(resized) == after


def test_without_near_duplicates_only_the_same_file_counts(resized: Context) -> None:
    after = replace(SPLIT, near_duplicates=False).run(resized)
    assert after.copies == ()
    dealt = {r.source: r.split for r in after.records}
    assert all(dealt[f"{i} a.png"] == dealt[f"{i} d.png"] for i in range(3))
    assert any(dealt[f"{i} a.png"] != dealt[f"{i} {name}"] for i in range(3) for name in COPIES)


def test_photos_without_copies_are_dealt_out_as_if_none_were_looked_for(context: Context) -> None:
    resized = RESIZE.run(context)
    assert SPLIT.run(resized).records == replace(SPLIT, near_duplicates=False).run(resized).records


def test_copies_are_listed_beside_the_splits_and_found_once(
    tmp_path: Path, copied: Path, prepare: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(copied, tmp_path, size=96, per_photo=1)
    with (prepared.folder / "near_duplicates.csv").open(newline="", encoding="utf-8") as file:
        rows = [Copy(**row) for row in csv.DictReader(file)]
    assert rows == list(prepared.copies)
    counted = {episode.photo_hash for episode in prepared.split("all").episodes}
    assert len(counted) <= 10 < len(prepared.split("all").originals)  # photos as intervals count them
    assert len(rows) == 12
    monkeypatch.setattr("apsi.preprocess.split.find_copies", None)
    assert prepare(copied, tmp_path, size=96, per_photo=1, seed=1).copies != ()


def test_names_may_hold_anything(tmp_path: Path) -> None:
    copies = [Copy("a,\n\r\"b'.jpg", "猫;\t.png", "looks alike", "val")]
    write_copies(tmp_path / "copies.csv", copies)
    assert read_copies(tmp_path / "copies.csv") == copies
