"""`task=make_pairs`: real photos in, pairs on disk; nothing twice; told what is missing before it works."""

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig

from apsi.agent.shipped import SHIPPED
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.pairs.base import SortedPhoto
from apsi.photo.hash import file_hash
from apsi.photo.write import write_png
from apsi.preference.folder import PreferenceFolder
from apsi.task.make_pairs import _editor, make_pairs, unseen
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo


@cache
def composed(*overrides: str) -> DictConfig:
    return load_config(["task=make_pairs", "dataset=folder", "dataset.path=.", "tracking=none", *overrides])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(9):
        write_png(tmp_path / "photos" / f"{i}.png", natural_photo(i, 300, 400))
    return tmp_path / "photos"


def made(photos: Path, *overrides: str, count: int = 12, split: Any = "all") -> dict[str, Any]:
    home = photos.parent
    config = composed(*overrides).copy()
    config.dataset.path, config.data_dir = str(photos), str(home / "data")
    config.preference_dir, config.output_dir = str(home / "preferences"), str(home)
    return make_pairs(config, RunFolder.create(home / "run", config), count=count, split=split)


def test_pairs_are_added_round_by_round_and_never_twice(photos: Path) -> None:
    assert made(photos)["pairs"] == 12
    found = made(photos)
    assert (found["new"], found["pairs"], found["round"]) == (12, 24, 2)
    pairs = list(PreferenceFolder(photos.parent / "preferences").pairs().values())
    assert len({pair.id for pair in pairs}) == 24
    assert {pair.split for pair in pairs} == {"train", "val", "test"}
    assert all(pair.left.photo == file_hash(photos / pair.left.name) for pair in pairs)


def test_the_same_seed_makes_the_same_pairs(photos: Path) -> None:
    made(photos)
    file = photos.parent / "preferences" / "pairs.jsonl"
    first = file.read_bytes()
    file.unlink()
    made(photos)
    assert file.read_bytes() == first


def test_a_broken_picture_is_told_and_left_out(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    (photos / "bad.jpg").write_text("hello")
    assert made(photos)["new"] == 12
    assert "bad.jpg is left out" in caplog.text


def test_pairs_of_one_split_only(photos: Path) -> None:
    assert made(photos, "pairs=recipes", split="test")["test"] == 12


def test_what_apsis_own_agent_does_is_shown_against_the_start(photos: Path) -> None:
    found = made(photos, "pairs=agent_vs_start", f"checkpoint={SHIPPED}", count=3)
    assert 1 <= found["new"] <= 3
    lines = (photos.parent / "preferences" / "pairs.jsonl").read_text().splitlines()
    sides = [json.loads(lines[0])[side]["recipe"] for side in ("left", "right")]
    assert [] in sides and sides != [[], []]


def test_what_is_missing_is_told_before_any_photo_is_read(photos: Path) -> None:
    with pytest.raises(ApsiError, match="add checkpoint="):
        made(photos, "pairs=agent_vs_start")
    with pytest.raises(ApsiError, match=r"pairs\.other=PATH"):
        made(photos, "pairs=agent_vs_agent", f"checkpoint={SHIPPED}")
    assert not (photos.parent / "data").exists() and not (photos.parent / "preferences").exists()


def test_where_no_pair_can_be_made_it_is_told(photos: Path) -> None:
    made(photos, "pairs=photos", count=100)
    with pytest.raises(ApsiError, match="no new pair could be made of 9 photos"):
        made(photos, "pairs=photos", count=100)


def test_a_photo_stays_in_the_split_that_its_pairs_are_in(photos: Path) -> None:
    made(photos, count=9)
    before = {pair.left.photo: pair.split for pair in PreferenceFolder(photos.parent / "preferences").pairs().values()}
    for i in range(9, 16):
        write_png(photos / f"{i}.png", natural_photo(i, 300, 400))
    made(photos, count=40)
    splits: dict[str, set[str]] = {}
    for pair in PreferenceFolder(photos.parent / "preferences").pairs().values():
        splits.setdefault(pair.left.photo, set()).add(pair.split)
    assert len(splits) == 16 and all(len(own) == 1 for own in splits.values())
    assert all(splits[photo] == {split} for photo, split in before.items())


def test_photos_that_an_agent_learned_from_are_no_test_of_it(
    photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own, other = (SortedPhoto(str(i) * 64, f"{i}.png", "test") for i in (1, 2))
    known = SimpleNamespace(state=SimpleNamespace(trained_on=[own.hash[:16]]))
    monkeypatch.setattr("apsi.task.make_pairs.read_checkpoint", lambda path: known)
    assert unseen([own, other], ["a.zip"], "test") == [other] and "1 photos are left out" in caplog.text
    assert unseen([own, other], [], "test") == [own, other]
    with pytest.raises(ApsiError, match="trained on all of its photos"):
        unseen([own], ["a.zip"], "test")


def test_the_other_agent_edits_under_the_settings_of_this_run() -> None:
    mine = composed("pairs=agent_vs_agent", f"pairs.other={SHIPPED}", f"checkpoint={SHIPPED}", "advise.min_gain=0.5")
    assert {_editor(mine, checkpoint)._min_gain for checkpoint in (None, str(SHIPPED))} == {0.5}
