"""Prometheus beside live processes: each panel of the dashboards has something to show."""

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from apsi.photo.write import encode_png
from tests.acquire.hostile import make_zip
from tests.acquire.servers import noise, serving
from tests.command_line import REPOSITORY
from tests.conftest import natural_photo

MONITOR = REPOSITORY / "deploy" / "monitor.py"
QUERIES: list[tuple[str, str, str]] = list(runpy.run_path(str(MONITOR))["queries"]())
TOKEN = "a token that only this test knows".replace(" ", "-")
_PATIENCE = 240.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def process(log: Path, *command: object) -> Iterator[None]:
    """A process for the time of the block; it has to live on until then."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "APSI_METRICS_TOKEN": TOKEN}
    with log.open("w") as file:
        running = subprocess.Popen(list(map(str, command)), stdout=file, stderr=file, env=environment, cwd=REPOSITORY)
    try:
        yield
        assert running.poll() is None, log.read_text()
    finally:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(60)
        finally:
            running.kill()


def until(there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not there():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def ask(address: str, query: str) -> list[object]:
    """What Prometheus answers to a query."""
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        content = json.load(answer)
    assert content["status"] == "success", query
    return [one for one in content["data"]["result"] if one["value"][1] != "NaN"]


def send(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="there is no prometheus here")
def test_every_panel_shows_something_of_a_training_a_search_and_servers(tmp_path: Path) -> None:
    outputs, port, juror_port, acquisition_port = tmp_path / "outputs", free_port(), free_port(), free_port()
    usual = [f"output_dir={outputs}", f"data_dir={tmp_path / 'data'}", "metrics_port=0"]
    python = [sys.executable, REPOSITORY / "run.py"]
    tiny = [*usual, "tracking=none", "debug=tiny"]
    long = ["train.total_timesteps=1000000", "train.eval_every=512", "train.checkpoint_every=100000", "train.images=0"]
    address = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:

        def start(name: str, *command: object) -> None:
            stack.enter_context(process(tmp_path / f"{name}.log", *command))

        start("monitor", sys.executable, MONITOR, f"--output-dir={outputs}", f"--port={port}")
        start("train", *python, *tiny, *long, "task=train")
        start(
            "juror", *python, *usual, "task=serve_juror", f"task.port={juror_port}", "dataset=sample", "tracking=none"
        )
        place = [f"task.port={acquisition_port}", "task.types.zip.allow_private=true", "tracking=none"]
        start("acquisition", *python, *usual, "task=serve_acquisition", *place)
        files = stack.enter_context(serving())
        archive = make_zip(tmp_path / "made.zip", ("x.jpg", noise(200_000))).read_bytes()
        whole, _ = files.add("/whole.zip", archive)
        stuck, _ = files.add("/stuck.zip", archive, cuts=[100_000], busy_after_cut=True)
        trials = ["hparams_search=ppo_optuna", "hydra.sweeper.n_trials=50", "train.total_timesteps=1024"]
        start("search", *python, "--multirun", *tiny, *trials, "train.images=0", "evaluate.images=0")
        until(lambda: answers(f"{address}/-/ready"), "Prometheus answers")
        until(lambda: len(list((outputs / "metrics").glob("*.json"))) == 4, "four processes can be read")
        until(lambda: answers(f"http://127.0.0.1:{juror_port}/healthz"), "the juror answers")
        service = f"http://127.0.0.1:{acquisition_port}/v1/acquisition"
        until(lambda: answers(f"http://127.0.0.1:{acquisition_port}/health"), "the acquisition service answers")
        for name, url in (("stuck", stuck), ("whole", whole)):
            send(service, {"type": "zip", "url": url, "name": name})
        found = tmp_path / "data" / "acquired" / "whole" / "files" / "x.jpg"
        until(found.exists, "one job is done, the other one goes on")
        photo = encode_png(natural_photo(3))

        def keep_asking() -> None:
            urllib.request.urlopen(f"http://127.0.0.1:{juror_port}/score", data=photo, timeout=30).close()
            urllib.request.urlopen(f"http://127.0.0.1:{acquisition_port}/health", timeout=30).close()

        silent = [row for row in QUERIES if not without(row[2])]
        assert len(silent) >= 44

        def all_show() -> bool:
            keep_asking()
            silent[:] = [row for row in silent if not ask(address, row[2])]
            return not silent

        until(all_show, f"these show nothing: {silent}")
        assert len(ask(address, 'up{job="runs"} == 1')) == 4
        assert ask(address, 'apsi_acquisition_jobs{state="COMPLETED"} == 1'), "the job that was done"
        assert (outputs / "prometheus" / "token").stat().st_mode & 0o077 == 0
        assert TOKEN not in (outputs / "prometheus" / "prometheus.yml").read_text()
        assert (outputs / "prometheus" / "panels.html").read_text().count("<a href=") == len(QUERIES)


def without(query: str) -> bool:
    """Whether a query is of what is not at work here: a GPU."""
    return "apsi_gpu_" in query


def test_what_is_left_out_above_is_little() -> None:
    assert len([row for row in QUERIES if without(row[2])]) <= 3
    assert not [row for row in QUERIES if "$" in row[2]]


@pytest.mark.parametrize(
    ("path", "said"), [("", "apt-get install prometheus"), (None, "--port=")], ids=["no prometheus", "port in use"]
)
def test_what_keeps_it_from_running_is_told_with_what_to_do(
    path: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = runpy.run_path(str(MONITOR))
    monkeypatch.setattr(shutil, "which", lambda name: None if path is not None else "/usr/bin/prometheus")
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(module["ApsiError"], match=said):
        module["run"](tmp_path, tmp_path / "prometheus", other.getsockname()[1])
    assert not list(tmp_path.iterdir())
