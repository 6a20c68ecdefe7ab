"""What the folder of a run records, and `outputs/latest`, which leads to it, with links and without."""

import shutil
import subprocess
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from apsi.config.schema import free_folder
from apsi.photo.write import write_text
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


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_diff_has_changes_of_the_code_and_no_names_of_other_files_that_lie_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    for name in ("apsi/a.py", "conf/a.yaml"):
        write_text(checkout / name, "old\n")

    def git(*arguments: str) -> None:
        person = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        subprocess.run(["git", "-C", str(checkout), *person, *arguments], check=True, capture_output=True)

    def recorded(name: str) -> tuple[bool, str]:
        config = OmegaConf.create({"resume": "auto", "evaluate": {}})
        folder = RunFolder.create(tmp_path / name, config)
        diff = folder.path / "git.diff"
        return folder.record()["git"]["dirty"], diff.read_text() if diff.exists() else ""

    monkeypatch.setattr("apsi.tracking.run_folder.CONFIG_DIR", checkout / "conf")
    git("init")
    git("add", ".")
    git("commit", "-m", "All")
    write_text(checkout / "Ann at the clinic.jpg", "private")
    write_text(checkout / "answers" / "ann.jsonl", "private")
    assert recorded("clean") == (False, "")
    write_text(checkout / "apsi/a.py", "changed\n")
    write_text(checkout / "conf/new.yaml", "new\n")
    is_dirty, diff = recorded("changed")
    assert is_dirty and "+changed" in diff and "# not in git: conf/new.yaml\n" in diff
    assert "clinic" not in diff and "answers" not in diff
