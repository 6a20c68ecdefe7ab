"""The step that makes degraded versions."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apsi.degradation.multi import Multi
from apsi.errors import ApsiError
from apsi.photo.coco import read_coco
from apsi.preprocess.degrade import Degrade


def labels_of(folder: Path) -> list[tuple[str, ...]]:
    return [record.transformations for record in read_coco(folder / "annotations.json")[0]]


def test_each_photo_gets_different_recipes_up_to_the_number_asked_for(
    tmp_path: Path, photos: Path, prepare: Callable[..., Any]
) -> None:
    recipes = Multi(["swap_rb", "invert_r", "shift_left_b", "shift_down_g"], n=2)
    folder = prepare(photos, tmp_path, degradation=recipes, per_photo=4).folder / "train"
    records, info = read_coco(folder / "annotations.json")
    kept = Counter(record.original for record in records)
    assert sum(kept.values()) + info["dropped"] == 14 * 4
    assert max(kept.values()) <= 4
    assert len({(record.original, record.transformations) for record in records}) == len(records)
    assert {len(labels) for labels in labels_of(folder)} == {2}


def test_photos_do_not_all_get_the_same_recipes(tmp_path: Path, photos: Path, prepare: Callable[..., Any]) -> None:
    folder = prepare(photos, tmp_path, per_photo=1).folder / "train"
    assert set(labels_of(folder)) == {("swap_rb",), ("invert_r",)}


def test_the_annotations_say_who_scored_and_how_it_was_made(whole: Any) -> None:
    assert read_coco(whole.folder / "dropped.json")[1]["juror"] == whole.juror.fingerprint
    info = read_coco(whole.folder / "val" / "annotations.json")[1]
    assert info["juror"] == whole.juror.fingerprint
    assert (info["seed"], info["dropped"]) == (0, 6)
    assert "Sequential(labels=['swap_rb', 'invert_r', 'invert_g'])" in info["description"]


def test_the_names_of_skipped_files_lie_beside_the_splits(
    tmp_path: Path, photos: Path, prepare: Callable[..., Any]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted(photos.iterdir())[:4]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "zażółć, gęślą.jpg").write_text("text")
    prepared = prepare(folder, tmp_path / "data")
    assert [entry.name for entry in prepared.skipped] == ["zażółć, gęślą.jpg"]
    assert '"zażółć, gęślą.jpg",' in (prepared.folder / "skipped.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "per_photo", [{"train": 1}, {"train": 1, "val": 0, "test": 1}, {"train": 1, "val": 1, "tset": 1}]
)
def test_the_number_of_versions_must_be_given_for_every_split(per_photo: dict[str, int]) -> None:
    with pytest.raises(ApsiError, match="must give a number from 1 up for train, val and test"):
        Degrade(per_photo)


def test_originals_take_up_no_room_beside_the_resized_photos(
    photos: Path, tmp_path: Path, prepare: Callable[..., Any]
) -> None:
    prepared = prepare(photos, tmp_path)
    [resized] = (tmp_path / "steps").glob("resize-*/images")
    originals = [path for path in prepared.folder.glob("*/originals/*") if (resized / path.name).exists()]
    assert originals and all(path.samefile(resized / path.name) for path in originals)
