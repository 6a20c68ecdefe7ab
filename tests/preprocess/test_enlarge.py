"""The step that cuts more photos out of few."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.hash import file_hash
from apsi.photo.read import read_photo
from apsi.photo.resample import fit
from apsi.photo.write import read_png, write_png
from apsi.preprocess.base import Context
from apsi.preprocess.enlarge import Enlarge
from apsi.preprocess.resize import Resize
from apsi.preprocess.split import Split

VERSIONS = {"train": 3, "val": 2, "test": 1}


@pytest.fixture
def dealt(context: Context) -> Context:
    return Split(0.7, 0.15, 0.15).run(Resize(32, "longest_side", min_side=16).run(context))


def enlarge(context: Context, versions: dict[str, int], min_scale: float = 0.5) -> Context:
    """The context after the step, for a data set that asks for these versions."""
    return Enlarge(min_scale).run(replace(context, dataset=Folder(str(context.dataset.path), versions, [])))


def test_each_photo_gets_as_many_versions_as_its_split_asks_for(dealt: Context) -> None:
    after = enlarge(dealt, VERSIONS)
    for record in dealt.records:
        versions = [r for r in after.records if r.source == record.source]
        assert [r.version for r in versions] == list(range(VERSIONS[record.split]))
        assert {(r.split, r.original) for r in versions} == {(record.split, record.original)}


def test_the_whole_photos_come_first_and_unchanged(dealt: Context) -> None:
    after = enlarge(dealt, VERSIONS)
    assert after.records[: len(dealt.records)] == dealt.records
    assert after.images[: len(dealt.images)] == dealt.images


def test_versions_have_the_size_of_the_whole_and_all_differ(dealt: Context) -> None:
    after = enlarge(dealt, VERSIONS)
    read = [read_png(image) for image in after.images]
    assert all(photo.shape == (r.height, r.width, 3) for photo, r in zip(read, after.records, strict=True))
    assert len({photo.tobytes() for photo in read}) == len(after.images) == 14 * 3 + 3 * 2 + 3


def test_at_full_scale_a_version_is_the_photo_or_its_mirror_image_cut_from_the_file(
    dealt: Context, photos: Path
) -> None:
    """From the file, not from the copy at working size: nothing is enlarged that need not be."""
    after = enlarge(
        replace(dealt, records=dealt.records[:8], images=dealt.images[:8]),
        {"train": 3, "val": 3, "test": 3},
        min_scale=1,
    )
    mirrored = []
    for record, image in list(zip(after.records, after.images, strict=True))[8:]:
        whole = fit(read_photo(photos / record.source), 32, "longest_side").astype(int)
        version = read_png(image)
        same = np.abs(version - whole).mean() < np.abs(version - whole[:, ::-1]).mean()
        mirrored.append(not same)
        assert np.abs(version - (whole if same else whole[:, ::-1])).mean() < 12
    assert set(mirrored) == {True, False}


def test_a_version_shows_a_part_no_smaller_than_min_scale(tmp_path: Path, context: Context) -> None:
    """Red tells the column and green the row a pixel comes from."""
    rows, columns = np.indices((100, 200))
    photo: Photo = np.stack([columns, rows, 0 * rows], axis=2).astype(np.uint8)
    write_png(tmp_path / "map" / "map.png", photo)
    context = replace(context, dataset=Folder(str(tmp_path / "map"), VERSIONS, []))
    resized = Split(1, 0, 0).run(Resize(64, "longest_side", min_side=16).run(context))
    after = enlarge(resized, {"train": 30, "val": 1, "test": 1})
    widths = []
    for image in after.images[1:]:
        version = read_png(image).astype(int)
        across, down = np.ptp(version[..., 0]), np.ptp(version[..., 1])
        widths.append(across)
        assert abs(across / 2 - down) < 5, "a version keeps the shape of its photo"
    assert 95 <= min(widths) < 130
    assert 170 < max(widths) <= 200


def test_where_one_version_is_enough_nothing_is_done(dealt: Context) -> None:
    once = {"train": 1, "val": 1, "test": 1}
    assert enlarge(dealt, once).records == dealt.records
    assert enlarge(dealt, once).key == dealt.key


def test_whole_photos_are_all_there_is_where_they_were_asked_for(dealt: Context) -> None:
    assert enlarge(replace(dealt, whole_photos=True), VERSIONS).images == dealt.images


def test_versions_depend_on_the_seed_only(dealt: Context, tmp_path: Path) -> None:
    runs = [replace(dealt, seed=seed, data_dir=tmp_path / name) for seed, name in ((0, "a"), (0, "b"), (1, "c"))]
    images = [[read_png(image).tobytes() for image in enlarge(run, VERSIONS).images] for run in runs]
    assert images[0] == images[1] != images[2]


def test_crops_at_another_scale_are_cut_anew(dealt: Context) -> None:
    wide, narrow = enlarge(dealt, VERSIONS, min_scale=0.9), enlarge(dealt, VERSIONS, min_scale=0.5)
    whole = len(dealt.images)
    assert set(wide.images[whole:]).isdisjoint(narrow.images[whole:])


@pytest.mark.parametrize("versions", [{"train": 1, "val": 1}, {"train": 0, "val": 1, "test": 1}])
def test_versions_must_be_given_for_every_split(dealt: Context, versions: dict[str, int]) -> None:
    with pytest.raises(ApsiError, match="must give a number from 1 up for each of train, val and test"):
        enlarge(dealt, versions)


@pytest.mark.parametrize("min_scale", [0, -0.5, 1.5])
def test_a_scale_outside_of_0_to_1_is_an_error(min_scale: float) -> None:
    with pytest.raises(ApsiError, match=r"min_scale=.* must be above 0 and at most 1"):
        Enlarge(min_scale)


@pytest.mark.parametrize("keeps_its_time", [False, True])
def test_a_file_that_changed_since_it_was_prepared_is_an_error_and_the_next_run_takes_it_as_it_is(
    tmp_path: Path, photos: Path, context: Context, *, keeps_its_time: bool
) -> None:
    folder = tmp_path / "changing"
    shutil.copytree(photos, folder)
    context = replace(context, dataset=Folder(str(folder), VERSIONS, []))
    resize, split = Resize(32, "longest_side", min_side=16), Split(0.7, 0.15, 0.15)
    dealt = split.run(resize.run(context))
    changed = folder / next(record.source for record in dealt.records if record.split == "train")
    stat = changed.stat()
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    if keeps_its_time:
        os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ApsiError, match=rf"{changed.name} changed while it was prepared; run the same command again"):
        Enlarge(0.5).run(dealt)
    again = split.run(resize.run(context))
    assert file_hash(changed) in {record.original for record in again.records}
    assert len(Enlarge(0.5).run(again).records) > len(again.records)


def test_a_file_that_vanished_is_named(dealt: Context, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ApsiError, match=r"\d\d\.png is gone since it was read"):
        Enlarge(0.5).run(replace(dealt, dataset=Folder(str(tmp_path / "empty"), VERSIONS, [])))
