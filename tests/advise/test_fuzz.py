"""A folder of damaged, odd and hostile files: an answer or one clear message each, and nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.advise.hostile import hostile_files
from tests.command_line import REPOSITORY

GIGABYTE = 1e9


def advise_all(count: int, folder: Path) -> tuple[dict[str, list[dict[str, object]]], float, str]:
    """Runs the command on so many files: its answer, the most memory that it had in GB, what it printed."""
    photos = folder / "photos"
    photos.mkdir()
    names = []
    for name, data in hostile_files(count):
        (photos / name).write_bytes(data)
        names.append(name)
    command = [sys.executable, str(REPOSITORY / "run.py"), "task=advise", f"photo={photos}", f"out={folder / 'out'}"]
    with (folder / "printed").open("w+") as printed:
        process = subprocess.Popen(
            [*command, f"output_dir={folder / 'runs'}", "explain=false"], stdout=printed, stderr=subprocess.STDOUT
        )
        most, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            try:
                most = max(most, watched.memory_info().rss)
                process.wait(0.02)
            except (subprocess.TimeoutExpired, psutil.NoSuchProcess):
                continue
        printed.seek(0)
        said = printed.read()
    assert process.returncode == 0, said[-3000:]
    return json.loads((folder / "out" / "advice.json").read_text()), most / GIGABYTE, said


def check(count: int, folder: Path) -> None:
    result, gigabytes, said = advise_all(count, folder)
    assert len(result["photos"]) + len(result["failures"]) == count
    assert "Traceback" not in said
    for failure in result["failures"]:
        message = str(failure["error"])
        assert message and "\n" not in message and "Traceback" not in message and len(message) < 400, message
    edited = {str(photo["edited"]) for photo in result["photos"] if photo["edited"]}
    recipes = {str(photo["recipe_file"]) for photo in result["photos"] if photo["edited"]}
    left = {path.name for path in (folder / "out").iterdir()} - edited - recipes
    assert left <= {"advice.json", "advice.jsonl", ".advice.lock"}, left
    assert gigabytes < 2, f"{gigabytes:.2f} GB"


@pytest.mark.slow
def test_a_thousand_damaged_odd_and_hostile_files_are_answered_one_by_one(tmp_path: Path) -> None:
    check(1000, tmp_path)
