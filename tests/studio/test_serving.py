"""`task=studio` as it is started and stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from omegaconf import DictConfig

from apsi.access_token import STUDIO_VARIABLE
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.studio.limits import Limits
from apsi.tracking.run_folder import RunFolder
from tests.command_line import REPOSITORY
from tests.studio.conftest import jpeg


def run(folder: Path, *overrides: str) -> object:
    config: DictConfig = load_config(["task=studio", "tracking=none", *overrides])
    return instantiate(config.task)(config, RunFolder(folder))


def test_another_address_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STUDIO_VARIABLE, raising=False)
    with pytest.raises(ApsiError, match=rf"task.host=0.0.0.0 can be reached.*{STUDIO_VARIABLE}"):
        run(tmp_path, "task.host=0.0.0.0", "task.port=0")
    monkeypatch.setenv(STUDIO_VARIABLE, "short")
    with pytest.raises(ApsiError, match=f"{STUDIO_VARIABLE} must be at least 16"):
        run(tmp_path)


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ApsiError,
            match=rf"can't listen on 127.0.0.1:{port} .* choose another task.host or task.port, such as task.port=\d+, "
            r"or task.port=0 for any that is free",
        ):
            run(tmp_path, f"task.port={port}")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apsi.studio.rooms", None)
    with pytest.raises(ApsiError, match=r"pip install 'apsi\[studio\]'"):
        run(tmp_path)


def test_a_limit_without_room_for_one_photo_is_an_error() -> None:
    with pytest.raises(ApsiError, match="max_megabytes_in_all=10 has no room"):
        Limits(60, 50, 50, 10, 60, 10, 60)


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, with temporary files in a folder, and its address."""
    editor = ("policy=nothing", "juror=naturalness", "dataset=sample")
    overrides = ["task=studio", "task.port=0", "tracking=none", f"output_dir={folder / 'out'}", *editor]
    temporary = folder / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "run.py"), *overrides, f"data_dir={folder / 'data'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://127.0.0.1:\d+", said):
                break
        else:
            raise AssertionError(said)
        yield process, found[0]
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_seconds_and_leaves_no_photo(number: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path) as (process, url), httpx.Client(base_url=url, headers={"Origin": url}) as client:
        sent = client.post("/advice/photos", params={"name": "a.jpg"}, content=jpeg())
        assert sent.status_code == 201
        (folder,) = (tmp_path / "tmp").glob("apsi-studio-*")
        assert (folder / sent.json()["id"] / "photo.jpg").exists() and folder.stat().st_mode & 0o777 == 0o700
        with client.stream("GET", "/advice/events") as stream:
            assert next(stream.iter_lines())
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) == 0
        assert time.monotonic() - began < 6
        assert not folder.exists()
