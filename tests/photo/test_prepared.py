"""Prepared photos as episodes."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.photo import Photo, prepared
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit
from apsi.photo.write import write_png

RECORD = ImageRecord(
    file_name="a-d00.png",
    width=4,
    height=4,
    source="holiday/a.jpg",
    original="ab" * 32,
    original_file_name="a.png",
    score=3.5,
    initial_score=7.25,
    transformations=("swap_gb", "invert_r"),
)


def save(folder: Path, records: Sequence[ImageRecord] = (RECORD,), juror: str = "test", dropped: int = 0) -> Path:
    write_coco(folder / "annotations.json", records, {"juror": juror, "dropped": dropped})
    return folder


def test_an_episode_starts_at_the_photos_score_and_aims_at_its_originals(tmp_path: Path) -> None:
    split = PreparedSplit.load("train", [save(tmp_path)])
    assert split.episodes == (
        Episode(
            photo=tmp_path / "images" / "a-d00.png",
            original=tmp_path / "originals" / "a.png",
            source="holiday/a.jpg",
            source_hash=RECORD.original,
            degradation=("swap_gb", "invert_r"),
            start_score=3.5,
            target_score=7.25,
        ),
    )


def test_several_folders_are_joined_and_their_dropped_photos_added_up(tmp_path: Path) -> None:
    folders = [save(tmp_path / "train", dropped=2), save(tmp_path / "val", [RECORD] * 2, dropped=3)]
    split = PreparedSplit.load("all", folders)
    assert [episode.photo.parent.parent.name for episode in split.episodes] == ["train", "val", "val"]
    assert (split.name, split.juror, split.dropped, split.folders) == ("all", "test", 5, tuple(folders))


def test_the_digest_changes_with_any_annotation(tmp_path: Path) -> None:
    before = PreparedSplit.load("train", [save(tmp_path)]).digest
    assert PreparedSplit.load("train", [save(tmp_path)]).digest == before
    assert PreparedSplit.load("train", [save(tmp_path, [replace(RECORD, score=3.25)])]).digest != before


def test_scores_of_different_jurors_are_never_mixed(tmp_path: Path) -> None:
    folders = [save(tmp_path / "train", juror="strict"), save(tmp_path / "val", juror="kind")]
    with pytest.raises(ApsiError, match=r"scored by several jurors: \['kind', 'strict'\]"):
        PreparedSplit.load("all", folders)


@pytest.mark.parametrize("missing", ["score", "initial_score", "original_file_name"])
def test_a_photo_without_scores_or_original_is_an_error(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ApsiError, match=r"a-d00\.png has no scores; delete the folder and prepare again"):
        PreparedSplit.load("train", [save(tmp_path, [replace(RECORD, **{missing: None})])])


@pytest.mark.parametrize("key", ["juror", "dropped"])
def test_a_coco_file_of_something_else_is_an_error(tmp_path: Path, key: str) -> None:
    info = {"juror": "test", "dropped": 0}
    del info[key]
    write_coco(tmp_path / "annotations.json", [RECORD], info)
    with pytest.raises(ApsiError, match="not a prepared split"):
        PreparedSplit.load("train", [tmp_path])


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "deeper/a.png", "..", ".", ""])
@pytest.mark.parametrize("field", ["file_name", "original_file_name"])
def test_a_file_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str, field: str) -> None:
    with pytest.raises(ApsiError, match="outside its folder"):
        PreparedSplit.load("train", [save(tmp_path, [replace(RECORD, **{field: name})])])


@pytest.fixture
def paths(tmp_path: Path, photo: Photo) -> list[Path]:
    for i in range(3):
        write_png(tmp_path / f"{i}.png", photo + np.uint8(i))
    return [tmp_path / f"{i}.png" for i in range(3)]


def test_a_stored_photo_is_right_kept_and_can_not_be_changed(paths: list[Path], photo: Photo) -> None:
    store = PhotoStore()
    read = store.read(paths[0])
    assert np.array_equal(read, photo)
    assert store.read(paths[0]) is read
    with pytest.raises(ValueError, match="read-only"):
        read[0, 0, 0] = 1


def test_the_store_forgets_what_was_not_used_for_longest_when_memory_is_full(paths: list[Path], photo: Photo) -> None:
    store = PhotoStore(memory_bytes=2 * photo.nbytes)
    first, second = store.read(paths[0]), store.read(paths[1])
    store.read(paths[0])
    store.read(paths[2])
    assert store.read(paths[0]) is first
    assert store.read(paths[1]) is not second


def test_a_photo_larger_than_the_memory_is_read_each_time(paths: list[Path], photo: Photo) -> None:
    store = PhotoStore(memory_bytes=1)
    for _ in range(2):
        assert np.array_equal(store.read(paths[1]), photo + np.uint8(1))


class SlowPath(type(Path())):  # type: ignore[misc]  # the class of paths differs between systems
    """A path that lets other threads work whenever it is looked up."""

    def __hash__(self) -> int:
        time.sleep(1e-5)
        return super().__hash__()


def test_threads_may_share_a_store_that_forgets_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "read_png", lambda path: np.full((4, 4, 3), int(path.name), np.uint8))
    store = PhotoStore(memory_bytes=2 * 48)

    def read_many(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(4, size=100).tolist():
            assert store.read(SlowPath(str(i)))[0, 0, 0] == i

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(read_many, range(8)))
