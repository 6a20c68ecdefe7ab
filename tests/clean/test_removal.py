"""A folder is there whole or not at all, whenever the removal is killed; MLflow's part goes with it."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
from filelock import FileLock

from apsi.clean.data import find_data
from apsi.clean.entry import Entry
from apsi.clean.removal import remove
from apsi.clean.runs import find_remains, find_runs
from apsi.tracking.mlflow import MlflowTracker
from tests.command_line import CAN_FORK, files_below
from tests.left_behind import make_data, make_run


def run_in(output_dir: Path) -> Entry:
    [run] = find_runs(output_dir, output_dir / "nowhere", output_dir / "nowhere")
    return run


def killed_in(step: str, entry: Entry, output_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes an entry in a process that is killed as soon as it comes to a step."""
    pid = os.fork()
    if not pid:
        monkeypatch.setattr(f"apsi.clean.removal.{step}", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        remove(entry, output_dir)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.skipif(not CAN_FORK, reason="needs fork")
@pytest.mark.parametrize("step", ["_put_aside", "_forget", "shutil.rmtree"])
def test_a_killed_removal_leaves_the_run_whole_or_gone_and_the_next_one_ends_it(
    step: str, output_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_run(output_dir / "train/a", status="failed")
    (path / "checkpoints" / "last.zip").touch()
    before = files_below(path)
    killed_in(step, run_in(output_dir), output_dir, monkeypatch)
    left = list(find_remains([output_dir / "train"], output_dir))
    if step == "_put_aside":
        assert files_below(path) == before and not left
    else:
        assert not path.exists() and len(left) == 1
        assert not list(find_runs(output_dir, path, path))  # what is left of it is no run
    for entry in left or [run_in(output_dir)]:
        assert remove(entry, output_dir)
    assert list((output_dir / "train").iterdir()) == []


def test_what_has_come_to_be_in_use_since_it_was_listed_stays(output_dir: Path, prepared_dir: Path) -> None:
    path, data = make_run(output_dir / "train/a"), make_data(prepared_dir / "photos-0123456789ab")
    listed, [prepared] = run_in(output_dir), find_data(prepared_dir.parent)
    (path / "run.json").write_text((path / "run.json").read_text().replace("finished", "running"))
    assert not remove(listed, output_dir) and path.exists()
    with FileLock(prepared_dir / ".photos-0123456789ab.lock"):
        assert not remove(prepared, output_dir) and data.exists()
    assert remove(prepared, output_dir) and not data.exists()
    assert not remove(replace(prepared), output_dir)  # it is gone


def test_links_in_a_removed_run_are_removed_and_what_they_lead_to_stays(output_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    (make_run(output_dir / "train/a") / "link").symlink_to(tmp_path / "mine", target_is_directory=True)
    assert remove(run_in(output_dir), output_dir)
    assert (tmp_path / "mine" / "photo.jpg").exists()


@pytest.mark.slow
def test_the_local_record_of_a_removed_run_is_marked_as_deleted_and_its_files_go(
    output_dir: Path, mlflow_database: Path
) -> None:
    from mlflow import MlflowClient

    output_dir.mkdir()
    copy(mlflow_database, output_dir)
    path = make_run(output_dir / "train/a")
    tracker = MlflowTracker(None, "apsi", str(output_dir), None, 10)
    tracker.start(path, "a", {"p": "1"}, {})
    tracker.files()
    tracker.finish("FINISHED")
    artifacts = output_dir / "mlflow-artifacts" / str(tracker.run_id)
    assert (artifacts / "artifacts" / "checkpoints" / "best.zip").exists()
    entry = run_in(output_dir)
    assert entry.usage.freed == entry.usage.size >= 10_000  # with MLflow's names for the same files
    assert remove(entry, output_dir)
    assert not artifacts.exists() and not path.exists()
    client = MlflowClient(f"sqlite:///{output_dir / 'mlflow.db'}")
    assert client.get_run(str(tracker.run_id)).info.lifecycle_stage == "deleted"
