"""The whole way from a folder of photos to train, val and test."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from apsi.dataset.folder import Folder
from apsi.degradation.multi import Multi
from apsi.degradation.none import NoDegradation
from apsi.degradation.single import Single
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.naturalness import Naturalness
from apsi.juror.parameters import load_parameters
from apsi.photo import Floats, Photo
from apsi.photo.coco import ImageRecord, read_coco
from apsi.photo.write import read_png, write_png
from apsi.preprocess.engine.local import Local
from apsi.preprocess.resize import Resize
from apsi.preprocess.split import Split
from apsi.preprocess.steps import Prepared, Steps
from apsi.transform.recipe import Recipe
from apsi.worker_pool.inline import InlinePool

SPLITS = ("train", "val", "test")

PrepareCall = Callable[..., Prepared]


def records_of(prepared: Prepared, split: str) -> list[ImageRecord]:
    return read_coco(prepared.folder / split / "annotations.json")[0]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def finished(data_dir: Path) -> dict[str, bytes]:
    """Every file under a final name: what another run would take for whole."""
    folders = [folder for room in ("steps", "prepared") for folder in (data_dir / room).glob("[!.]*")]
    return {
        f"{folder.relative_to(data_dir)}/{name}": data for folder in folders for name, data in files_of(folder).items()
    }


@pytest.fixture(scope="module")
def unbroken(whole: Prepared) -> dict[str, bytes]:
    """What a run that nothing interrupted leaves."""
    return finished(whole.folder.parent.parent)


def stamps(folder: Path) -> dict[Path, int]:
    """When each file was written; a folder bears the time of its latest use."""
    return {path: path.stat().st_mtime_ns if path.is_file() else 0 for path in folder.rglob("*")}


# --- splits


def test_twenty_photos_are_dealt_out_70_15_15(whole: Prepared) -> None:
    originals = {split: {record.original for record in records_of(whole, split)} for split in SPLITS}
    assert [len(originals[split]) for split in SPLITS] == [14, 3, 3]


def test_no_original_is_in_two_splits_and_all_versions_stay_with_theirs(whole: Prepared) -> None:
    places: dict[str, set[str]] = {}
    for split in SPLITS:
        for record in records_of(whole, split):
            places.setdefault(record.original, set()).add(split)
            assert record.split == split
    assert len(places) == 20
    assert all(len(splits) == 1 for splits in places.values())
    versions = {(r.original, r.version) for split in SPLITS for r in records_of(whole, split)}
    assert len(versions) == 40


def test_two_files_of_one_name_and_even_of_one_content_survive_and_the_latter_share_a_split(
    tmp_path: Path, prepare: PrepareCall, new_photo: Callable[[int], Photo]
) -> None:
    for i in range(8):
        for folder in "ab":
            write_png(tmp_path / "photos" / folder / f"{i}.png", new_photo(i if i < 5 else i + 100 * ord(folder)))
    prepared = prepare(tmp_path / "photos", tmp_path / "data")
    split_of = {record.source: split for split in SPLITS for record in records_of(prepared, split)}
    assert set(split_of) == {f"{folder}/{i}.png" for folder in "ab" for i in range(8)}
    assert all(split_of[f"a/{i}.png"] == split_of[f"b/{i}.png"] for i in range(5))


def test_a_split_can_be_had_by_name_and_all_of_them_as_one(whole: Prepared) -> None:
    splits = [whole.split(name) for name in SPLITS]
    together = whole.split("all")
    assert set(together.episodes) == {episode for split in splits for episode in split.episodes}
    assert len(together.episodes) == sum(len(split.episodes) for split in splits)
    assert together.dropped == sum(split.dropped for split in splits)


def test_an_unknown_split_is_an_error_that_names_the_known(whole: Prepared) -> None:
    with pytest.raises(ApsiError, match="split=training must be one of: train, val, test, all"):
        whole.split("training")


def test_an_empty_split_is_an_error_that_says_why(
    tmp_path: Path, prepare: PrepareCall, new_photo: Callable[[int], Photo]
) -> None:
    for i in range(2):
        write_png(tmp_path / "photos" / f"{i}.png", new_photo(i))
    (tmp_path / "photos" / "broken.jpg").write_text("text")
    prepared = prepare(tmp_path / "photos", tmp_path / "data")
    assert prepared.load("val").episodes == ()
    for name, remedy in (
        ("val", "use more photos: training takes at least three that differ"),
        (
            "test",
            "use more photos, at least three that differ, or preprocess.steps.split.share_few=true for an agent of "
            "these alone; an agent that is trained already edits fewer, or one, with task=evaluate split=all "
            "checkpoint=PATH, or task=advise photo=PHOTO checkpoint=PATH",
        ),
    ):
        reason = "is empty: 1 files were skipped and 0 degraded photos scored no worse than their originals; "
        with pytest.raises(ApsiError, match=f"the split '{name}' of .* {re.escape(reason + remedy)}"):
            prepared.split(name)


def test_where_all_splits_are_empty_the_remedy_is_not_to_take_all(
    tmp_path: Path, prepare: PrepareCall, new_photo: Callable[[int], Photo]
) -> None:
    write_png(tmp_path / "photos" / "a.png", new_photo(0))
    prepared = prepare(tmp_path / "photos", tmp_path / "data", degradation=Single(["invert_g"]))
    with (prepared.folder / "train" / "annotations.json").open() as file:
        assert not json.load(file)["images"]
    with pytest.raises(ApsiError, match=r"the split 'all' .* is empty: .*; use other photos, or another degradation$"):
        prepared.split("all")


def test_photos_that_are_all_copies_are_too_few_and_the_error_says_so(
    tmp_path: Path, prepare: PrepareCall, new_photo: Callable[[int], Photo]
) -> None:
    for i in range(5):
        write_png(tmp_path / "photos" / f"{i}.png", new_photo(i % 2))
    prepared = prepare(tmp_path / "photos", tmp_path / "data")
    with pytest.raises(ApsiError, match=r"originals \(3 photos are copies of others\); use more photos"):
        prepared.split("val")


def test_a_split_from_which_everything_was_dropped_is_an_error_that_says_so(
    tmp_path: Path, photos: Path, prepare: PrepareCall
) -> None:
    prepared = prepare(photos, tmp_path, degradation=Single(["invert_g"]))
    with pytest.raises(ApsiError, match="14 degraded photos scored no worse than their originals; use more photos"):
        prepared.split("train")


# --- what lies in the folder


def test_the_annotations_name_exactly_the_images_that_are_there(whole: Prepared) -> None:
    for split in SPLITS:
        records, folder = records_of(whole, split), whole.folder / split
        assert {path.name for path in (folder / "images").iterdir()} == {r.file_name for r in records}
        assert {path.name for path in (folder / "originals").iterdir()} >= {r.original_file_name for r in records}
        assert all(read_png(folder / "images" / r.file_name).shape == (r.height, r.width, 3) for r in records)


def test_pycocotools_loads_every_split(whole: Prepared) -> None:
    for split in SPLITS:
        coco = COCO(str(whole.folder / split / "annotations.json"))
        assert len(coco.getImgIds()) == len(records_of(whole, split))
        assert {category["supercategory"] for category in coco.dataset["categories"]} == {"transformation"}


def test_images_are_stored_losslessly_and_are_the_recipe_of_their_original(whole: Prepared) -> None:
    folder = whole.folder / "val"
    for record in records_of(whole, "val"):
        assert record.original_file_name is not None
        degraded = Recipe.of(record.transformations)(read_png(folder / "originals" / record.original_file_name))
        assert np.array_equal(read_png(folder / "images" / record.file_name), degraded)


def scores_are_exact(prepared: Prepared, juror: Juror) -> bool:
    """Whether the juror gives each stored photo, alone and read from its file, exactly the stored score."""
    exact = []
    for episode in prepared.split("all").episodes:
        score, target = (juror.score([read_png(path)])[0] for path in (episode.photo, episode.original))
        exact += [score == episode.start_score, target == episode.target_score]
    return all(exact)


def test_stored_scores_are_exactly_those_of_the_stored_images(whole: Prepared, new_juror: Callable[[], Any]) -> None:
    juror = new_juror()
    load_parameters(whole.folder / "juror.npz", juror)
    assert juror.fingerprint == whole.split("train").juror == whole.juror.fingerprint
    assert scores_are_exact(whole, juror)


def test_the_scores_of_the_embedded_juror_are_exact_too(tmp_path: Path, photos: Path, prepare: PrepareCall) -> None:
    some = tmp_path / "photos"
    some.mkdir()
    for i in range(5):
        shutil.copy(photos / f"{i:02d}.png", some)
    prepared = prepare(some, tmp_path / "data", juror=Naturalness(), size=128)
    assert scores_are_exact(prepared, prepared.juror)


def test_a_degraded_photo_that_scores_no_worse_is_dropped_and_counted(whole: Prepared) -> None:
    """The juror takes no notice of green, so every `invert_g` must be gone, and nothing else."""
    for split, originals in zip(SPLITS, (28, 6, 6), strict=True):
        labels = [record.transformations for record in records_of(whole, split)]
        assert sorted(set(labels)) == [("invert_r",), ("swap_rb",)]
        assert len(labels) == 2 * originals
        assert whole.split(split).dropped == originals
    assert all(episode.start_score < episode.target_score for episode in whole.split("all").episodes)


def test_where_the_originals_decide_every_degraded_photo_is_kept(
    photos: Path, tmp_path: Path, prepare: PrepareCall
) -> None:
    kept = prepare(photos, tmp_path, keep_all=True)
    for split, originals in zip(SPLITS, (14, 3, 3), strict=True):
        assert len(records_of(kept, split)) == 3 * originals
        assert kept.split(split).dropped == 0
    assert any(episode.start_score >= episode.target_score for episode in kept.split("all").episodes)
    assert kept.folder.name != prepare(photos, tmp_path).folder.name


def test_without_degradation_the_photos_are_kept_as_they_are(
    tmp_path: Path, photos: Path, prepare: PrepareCall
) -> None:
    split = prepare(photos, tmp_path, degradation=NoDegradation()).split("all")
    assert (len(split.episodes), split.dropped) == (20, 0)
    for episode in split.episodes:
        assert episode.start_score == episode.target_score
        assert episode.degradation == ()
        assert np.array_equal(read_png(episode.photo), read_png(episode.original))


def test_a_juror_that_learns_nothing_works_too(
    tmp_path: Path, photos: Path, prepare: PrepareCall, juror: Juror
) -> None:
    prepared = prepare(photos, tmp_path, juror=juror)
    assert prepared.split("train").juror == juror.fingerprint
    assert not (prepared.folder / "juror.npz").exists()
    assert scores_are_exact(prepared, juror)


def test_names_with_spaces_and_any_letters_come_through(
    tmp_path: Path, prepare: PrepareCall, new_photo: Callable[[int], Photo]
) -> None:
    names = {"Lato nad morzem/Zdjęcie 1.png", "猫 (2).png", "x" * 240 + ".png"}
    for i, name in enumerate(sorted(names)):
        (tmp_path / "Moje zdjęcia" / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / "Moje zdjęcia" / name, new_photo(i))
    prepared = prepare(tmp_path / "Moje zdjęcia", tmp_path / "data")
    assert prepared.folder.name.startswith("Moje_zdjęcia-")
    assert {episode.source for episode in prepared.split("all").episodes} == names
    assert scores_are_exact(prepared, prepared.juror)


# --- once is enough


def test_running_again_writes_nothing_asks_no_juror_and_finds_the_same_folder(
    tmp_path: Path, photos: Path, prepare: PrepareCall, new_juror: Callable[[], Any]
) -> None:
    first = prepare(photos, tmp_path, versions=2)
    before, juror = stamps(tmp_path), new_juror()
    again = prepare(photos, tmp_path, versions=2, juror=juror)
    assert stamps(tmp_path) == before
    assert (juror.scored, juror.fitted_on) == (0, [])
    assert (again.folder, again.skipped) == (first.folder, first.skipped)
    assert juror.fingerprint == first.juror.fingerprint


def test_two_machines_prepare_the_same_bytes(
    tmp_path: Path, photos: Path, unbroken: dict[str, bytes], prepare: PrepareCall
) -> None:
    """Another place for the photos and for the data changes nothing."""
    shutil.copytree(photos, tmp_path / photos.name)
    prepare(tmp_path / photos.name, tmp_path / "data", versions=2)
    assert finished(tmp_path / "data") == unbroken


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"size": 40},
        {"per_photo": 2},
        {"versions": 3},
        {"degradation": Multi(["swap_rb", "invert_r", "invert_g"], n=1)},
        {"degradation": Single(["swap_rb", "invert_r", "invert_g"])},
    ],
    ids=str,
)
def test_another_setting_gives_another_folder_and_takes_nothing_from_the_earlier_one(
    tmp_path: Path, whole: Prepared, photos: Path, prepare: PrepareCall, change: dict[str, Any]
) -> None:
    settings = {"versions": 2} | change
    shutil.copytree(whole.folder.parent.parent, tmp_path / "used")
    used = prepare(photos, tmp_path / "used", **settings).folder
    fresh = prepare(photos, tmp_path / "fresh", **settings).folder
    assert used.name == fresh.name != whole.folder.name
    assert files_of(used) == files_of(fresh)


def test_a_juror_fitted_otherwise_gives_another_folder(
    tmp_path: Path, photos: Path, prepare: PrepareCall, new_juror: Callable[[], Any]
) -> None:
    jurors = [new_juror() for _ in range(2)]
    for level, juror in enumerate(jurors, start=100):
        juror.load_parameters({"level": np.array(level)})
    folders = [prepare(photos, tmp_path, juror=juror).folder for juror in jurors]
    assert folders[0] != folders[1]


def test_a_changed_a_new_and_a_missing_photo_each_give_another_folder(
    tmp_path: Path, photos: Path, prepare: PrepareCall, new_photo: Callable[[int], Photo]
) -> None:
    folder, data_dir = tmp_path / "photos", tmp_path / "data"
    shutil.copytree(photos, folder)
    prepared = [prepare(folder, data_dir).folder]
    write_png(folder / "07.png", new_photo(99))
    os.utime(folder / "07.png", ns=(0, 1))
    prepared.append(prepare(folder, data_dir).folder)
    write_png(folder / "new.png", new_photo(98))
    prepared.append(prepare(folder, data_dir).folder)
    (folder / "03.png").unlink()
    prepared.append(prepare(folder, data_dir).folder)
    assert len(set(prepared)) == 4


def test_steps_that_leave_no_finished_folder_are_an_error(photos: Path, tmp_path: Path, juror: Juror) -> None:
    once = {"train": 1, "val": 1, "test": 1}
    with pytest.raises(ApsiError, match="the steps resize, split leave no prepared data set"):
        Steps({"resize": Resize(32, "square", 16), "split": Split(0.7, 0.15, 0.15)}, Local(None)).run(
            dataset=Folder(str(photos), once, []),
            degradation=NoDegradation(),
            juror=juror,
            open_pool=nullcontext,
            data_dir=tmp_path,
            seed=0,
        )


# --- the worker pool


class Pools:
    """Opens what scores, and counts how many are open."""

    def __init__(self, wrap: Callable[[Juror], Juror]) -> None:
        self.wrap, self.opened, self.open = wrap, 0, 0

    @contextmanager
    def __call__(self, juror: Juror) -> Iterator[Juror]:
        self.opened += 1
        self.open += 1
        try:
            yield self.wrap(juror)
        finally:
            self.open -= 1


class Failing(InlinePool):
    """A pool whose juror can't score."""

    def score(self, photos: Sequence[Photo]) -> Floats:
        raise RuntimeError("the juror is broken")


def test_scores_come_out_of_the_pool_which_is_closed_afterwards(
    tmp_path: Path, photos: Path, prepare: PrepareCall
) -> None:
    pools = Pools(InlinePool)
    prepare(photos, tmp_path, open_pool=pools)
    assert (pools.opened, pools.open) == (2, 0)


def test_a_juror_that_fails_ends_the_run_closes_the_pool_and_leaves_no_scores(
    tmp_path: Path, photos: Path, prepare: PrepareCall
) -> None:
    pools = Pools(Failing)
    with pytest.raises(RuntimeError, match="the juror is broken"):
        prepare(photos, tmp_path, open_pool=pools)
    assert (pools.opened, pools.open) == (1, 0)
    assert not any(name.startswith(("prepared", "steps/score")) for name in finished(tmp_path))


# --- interruptions


class Interruption(BaseException):
    """What nothing in apsi may catch, like the end of the process."""


def interrupt_at(call: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but its n-th call raises."""
    calls = iter(range(1, 1_000_000))

    def interrupted(*args: Any) -> Any:
        if next(calls) == call:
            raise Interruption
        return function(*args)

    return interrupted


@pytest.mark.parametrize(
    ("place", "call"),
    [
        ("apsi.preprocess.resize.write_png", 1),
        ("apsi.preprocess.resize.write_png", 11),
        ("apsi.preprocess.resize.save_records", 1),
        ("apsi.preprocess.enlarge.write_png", 7),
        ("apsi.preprocess.annotate.write_coco", 1),
        ("apsi.preprocess.fit_juror.save_parameters", 1),
        ("apsi.preprocess.score.save_records", 1),
        ("apsi.preprocess.degrade.write_png", 60),
        ("apsi.preprocess.degrade.write_coco", 2),
    ],
)
def test_an_interrupted_run_leaves_nothing_half_made_and_the_next_one_ends_as_an_unbroken_one(
    *,
    tmp_path: Path,
    photos: Path,
    unbroken: dict[str, bytes],
    prepare: PrepareCall,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    call: int,
) -> None:
    module, name = place.rsplit(".", 1)
    function = getattr(import_module(module), name)
    with monkeypatch.context() as patched, pytest.raises(Interruption):
        patched.setattr(place, interrupt_at(call, function))
        prepare(photos, tmp_path, versions=2)
    left = finished(tmp_path)
    assert left.items() < unbroken.items()
    assert not any(name.startswith("prepared") for name in left)
    prepare(photos, tmp_path, versions=2)
    assert finished(tmp_path) == unbroken


def test_what_a_killed_write_left_behind_does_not_get_into_the_finished_folder(
    tmp_path: Path, photos: Path, unbroken: dict[str, bytes], prepare: PrepareCall, whole: Prepared
) -> None:
    partial = tmp_path / "prepared" / f".{whole.folder.name}.partial"
    (partial / "train" / "images").mkdir(parents=True)
    (partial / "train" / "images" / ".00.png.x7_k.tmp").write_bytes(b"half")
    prepare(photos, tmp_path, versions=2)
    assert finished(tmp_path) == unbroken
