"""What counts as a run, and what is known of it."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from apsi.clean.entry import KINDS, Entry
from apsi.clean.rules import Rules, users_of, why_they_stay
from apsi.clean.runs import find_runs
from apsi.process import identity
from apsi.tracking.journal import Header, Journal
from apsi.tracking.run_folder import STATES
from tests.left_behind import make_run


def found(output_dir: Path) -> dict[str, Entry]:
    nowhere = output_dir / "nowhere"
    return {run.path.relative_to(output_dir).as_posix(): run for run in find_runs(output_dir, nowhere, nowhere)}


def test_only_folders_with_a_record_of_apsi_count_and_links_lead_nowhere(output_dir: Path, tmp_path: Path) -> None:
    make_run(output_dir / "train/a")
    make_run(output_dir / "../elsewhere/b")
    (output_dir / "train" / "link").symlink_to(tmp_path / "elsewhere" / "b", target_is_directory=True)
    (output_dir / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (output_dir / "train" / "notes").mkdir()
    (output_dir / "train" / "notes" / "run.json").write_text('{"status": "great"}')
    (output_dir / "train" / "broken").mkdir()
    (output_dir / "train" / "broken" / "run.json").write_text("{")
    moved_by_a_person = output_dir / "train" / "favourites"
    make_run(output_dir / "train/favourites/c")
    (moved_by_a_person / "why.txt").write_text("the best")
    make_run(output_dir / "train/.hidden")
    assert list(found(output_dir)) == ["train/a"]


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ({}, "finished"),
        ({"missed": "agent.success_rate=0.1"}, "missed"),
        ({"status": "interrupted"}, "interrupted"),
        ({"status": "running"}, "running"),
        ({"status": "running", "process": [2**22 + 1, 0.0, 0.0]}, "killed"),
        ({"status": "running", "host": "another"}, "elsewhere"),
    ],
)
def test_a_run_says_how_it_ended_or_whether_its_process_is_there(
    record: dict[str, object], state: str, output_dir: Path
) -> None:
    make_run(output_dir / "train/a", **record)
    assert found(output_dir)["train/a"].state == state


def test_a_run_of_another_process_is_at_work_until_that_ends(output_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        make_run(output_dir / "train/a", status="running", process=identity(psutil.Process(other.pid)))
        assert found(output_dir)["train/a"].state == "running"
        other.communicate(b"\n")
    assert found(output_dir)["train/a"].state == "killed"


def test_a_run_whose_record_is_still_being_sent_is_at_work(output_dir: Path) -> None:
    journal = Journal(make_run(output_dir / "train/a"))
    journal.begin(Header("http://host", "0" * 32))
    assert found(output_dir)["train/a"].state == "running"
    journal.owner.release()
    assert found(output_dir)["train/a"].state == "finished"


def test_the_runs_of_a_multirun_are_one_thing_and_as_alive_as_the_last_of_them(output_dir: Path) -> None:
    make_run(output_dir / "multirun/a/0", days=3, success=0.2)
    make_run(output_dir / "multirun/a/1", days=2, status="failed")
    (output_dir / "multirun" / "a" / "multirun.yaml").touch()
    make_run(output_dir / "search/s/0000", status="pruned")
    (output_dir / "search" / "s" / "trials.csv").touch()
    one = found(output_dir)
    assert {name: (run.kind, run.state) for name, run in one.items()} == {
        "multirun/a": ("multirun", "failed"),
        "search/s": ("search", "pruned"),
    }
    assert one["multirun/a"].figure == (0.2, 0.0)
    make_run(output_dir / "multirun/a/2", status="running")
    assert found(output_dir)["multirun/a"].state == "running"


def test_a_file_with_several_names_takes_up_its_room_once(output_dir: Path) -> None:
    path = make_run(output_dir / "train/a")
    alone = found(output_dir)["train/a"].usage
    assert alone.freed == alone.size >= 10_000
    os.link(path / "checkpoints" / "best.zip", path / "again.zip")
    assert found(output_dir)["train/a"].usage.size == alone.size
    os.link(path / "again.zip", output_dir / "kept.zip")
    usage = found(output_dir)["train/a"].usage
    assert usage.size - usage.freed >= 10_000


def test_paths_and_ids_in_a_configuration_are_what_a_run_uses(output_dir: Path) -> None:
    first = make_run(output_dir / "train/a")
    used = {"checkpoint": str(first / "checkpoints" / "best.zip"), "run_ids": ["0123456789abcdef" * 2, "name"]}
    make_run(output_dir / "evaluate/b", config=used, host=socket.gethostname())
    uses = found(output_dir)["evaluate/b"].uses
    assert uses >= {str(first / "checkpoints" / "best.zip"), "0123456789abcdef" * 2}


def test_a_run_uses_the_folder_of_the_earlier_run_that_its_results_went_to(output_dir: Path) -> None:
    first = make_run(output_dir / "advise/1", status="continued", days=31)
    linked = output_dir.parent / "linked"
    linked.symlink_to(output_dir, target_is_directory=True)
    make_run(output_dir / "advise/2", days=30, results=str(linked / "advise" / "1"))
    runs = found(output_dir)
    assert users_of(runs["advise/1"], runs.values()) == [runs["advise/2"]] and str(first) in runs["advise/2"].uses
    rules = Rules(frozenset(KINDS), timedelta(days=7), 0, frozenset(STATES), keep_last=1, keep_best=0, in_use=False)
    stays = why_they_stay([*runs.values()], rules, datetime.now(UTC))
    assert stays[first] == "used by advise/2"
