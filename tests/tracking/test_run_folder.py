"""`outputs/latest` leads to a run, with links and without."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from apsi.config.schema import free_folder
from apsi.tracking.run_folder import RunFolder, point_latest


def test_latest_is_replaced_in_one_go_and_survives_a_move_of_the_outputs(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / "outputs" / "train" / name).mkdir(parents=True)
        point_latest(tmp_path / "outputs", tmp_path / "outputs" / "train" / name)
    moved = (tmp_path / "outputs").rename(tmp_path / "moved")
    assert (moved / "latest").resolve() == (moved / "train" / "second").resolve()
    assert sorted(path.name for path in moved.iterdir()) == ["latest", "train"]


def test_where_there_are_no_links_latest_is_a_file_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    point_latest(tmp_path, tmp_path / "train" / "a")
    assert Path((tmp_path / "latest").read_text().strip()) == Path("train/a")


def test_a_folder_of_the_users_called_latest_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "mine").touch()
    point_latest(tmp_path, tmp_path / "train")
    assert [path.name for path in tmp_path.rglob("*")] == ["latest", "mine"]
    assert "could not be pointed at" in caplog.text


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    assert free_folder(str(tmp_path / "a")) == str(tmp_path / "a")
    for name in ("a", "a-2"):
        (tmp_path / name).mkdir()
    assert free_folder(str(tmp_path / "a")) == str(tmp_path / "a-3")


def test_an_installed_apsi_records_no_commit_of_the_repository_that_it_is_installed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apsi.tracking.run_folder.IS_CHECKOUT", False)
    folder = RunFolder.create(tmp_path / "run", OmegaConf.create({"resume": "auto", "evaluate": {}}))
    assert folder.record()["git"] == {"commit": None, "dirty": None}
