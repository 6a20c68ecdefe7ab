"""The acquisition service as a user runs it: killed in the middle of a job, and started again."""

import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acquire.hostile import make_zip
from tests.acquire.servers import Files, noise, serving
from tests.command_line import Place, files_below


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    with serving() as files:
        yield files


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answer(url: str) -> dict[str, Any]:
    """What the service says, once it does."""
    deadline = time.monotonic() + 120
    while True:
        try:
            found: dict[str, Any] = httpx.get(url, timeout=10).json()
            return found
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.slow
def test_jobs_are_told_truly_and_go_on_after_the_service_was_killed(files: Files, tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    half, data = 1_000_000, make_zip(tmp_path / "made.zip", ("x.jpg", noise(2_000_000))).read_bytes()
    paths = [files.add(f"/{name}.zip", data, cuts=[half], busy_after_cut=True) for name in ("one", "two")]
    port = free_port()
    service = f"http://127.0.0.1:{port}"
    how = (
        "task=serve_acquisition",
        f"task.port={port}",
        "task.types.zip.allow_private=true",
        "task.types.zip.attempts=1000",
    )
    command = place.start(*how)
    answer(f"{service}/health")
    jobs = []
    for name, (url, _) in zip(("one", "two"), paths, strict=True):
        asked = httpx.post(f"{service}/v1/acquisition", json={"type": "zip", "url": url, "name": name})
        jobs.append(f"{service}/v1/acquisition/jobs/{asked.json()['uuid']}")
    refused = place.run(*how, f"task.port={free_port()}", warm=False)  # beside the first
    refused.failed("another service works on task.database=")

    def both_are_half_done() -> bool:
        return all(httpx.get(job).json()["done"] == half for job in jobs)

    killed = command.send(signal.SIGKILL, once=both_are_half_done)
    assert killed.code == -signal.SIGKILL
    with sqlite3.connect(tmp_path / "data" / "acquisition.sqlite3") as database:
        assert database.execute("SELECT state FROM jobs").fetchall() == [("RUNNING",)] * 2
    command = place.start(*how)
    assert {answer(job)["state"] for job in jobs} <= {"NEW", "RUNNING"}
    assert httpx.delete(jobs[1]).status_code in (200, 202)
    paths[0][1].busy_after_cut = False

    def are_ended() -> bool:
        return all(httpx.get(job).json()["ended"] for job in jobs)

    def ended() -> bool:
        if not are_ended():
            return False
        states.extend(httpx.get(job).json() for job in jobs)
        return True

    states: list[dict[str, Any]] = []
    stopped = command.send(signal.SIGTERM, once=ended)
    assert stopped.code == 0, stopped.err
    assert [job["state"] for job in states] == ["COMPLETED", "CANCELLED"]
    assert paths[0][1].requests[-1]["range"] == f"bytes={half}-"
    assert set(files_below(tmp_path / "data" / "acquired" / "one" / "files")) == {"x.jpg"}
    left = [path.name for path in (tmp_path / "data" / "acquired").iterdir() if path.suffix != ".lock"]
    assert sorted(left) == ["digests.json", "one"]


def test_other_machines_need_the_token_before_anything_is_served(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    told = place.run("task=serve_acquisition", "task.host=0.0.0.0", "task.port=0").failed("APSI_ACQUISITION_TOKEN")
    assert "can be reached from other machines" in told
    assert not (tmp_path / "data" / "acquired").exists()
