"""A real MLflow server that goes away and comes back, and runs that are killed while they record."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from tests.command_line import Place, read_json
from tests.conftest import natural_photo


class RealServer:
    """`mlflow server` on 127.0.0.1 that keeps its port, database and artefacts when it is stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder / 'server.db'}"),
            *("--artifacts-destination", str(self._folder / "artifacts")),
        ]
        with (self._folder / "server.log").open("ab") as log:
            light = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=light, start_new_session=True)
        wait_for(self._answers)

    def stop(self) -> None:
        """As when its machine loses power."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def wait_for(happened: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / "data")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    server = RealServer(tmp_path)
    server.start()
    yield server
    server.stop()


def journal_of(folder: Path) -> list[dict]:
    lines = (folder / "tracking" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def said(place: Place, task: str, name: str) -> Callable[[], bool]:
    """Whether the journal of the latest run holds a metric of this name."""

    def is_there() -> bool:
        try:
            return any(name in entry.get("metrics", {}) for entry in journal_of(place.folder(task)))
        except (FileNotFoundError, IndexError):
            return False

    return is_there


def assert_complete(uri: str, folder: Path) -> str:
    """The server holds each metric of a run's journal once; returns the status."""
    client, run_id = MlflowClient(uri), read_json(folder / "tracking" / "run.json")["run_id"]
    told = Counter(
        (name, entry["step"], entry["ms"], value)
        for entry in journal_of(folder)
        for name, value in entry.get("metrics", {}).items()
    )
    names = {name for name, *_ in told}
    there = Counter(
        (m.key, m.step, m.timestamp, m.value) for name in names for m in client.get_metric_history(run_id, name)
    )
    assert len(told) > 50
    assert there == Counter(set(told))
    return str(client.get_run(run_id).info.status)


@pytest.mark.slow
def test_a_server_lost_midway_costs_no_training_and_has_everything_after_sync(place: Place, server: RealServer) -> None:
    arguments = ["task=train", "tracking=mlflow", f"tracking.mlflow.uri={server.uri}", "train.total_timesteps=4096"]
    command = place.start(*arguments, "tracking.mlflow.finish_seconds=3", "tracking.mlflow.system_seconds=0.5")
    wait_for(said(place, "train", "eval/success_rate"))
    server.stop()
    outcome = command.wait().succeeded()
    folder = place.folder("train")
    assert outcome.said.count("does not answer") == 1
    assert "entries wait in" in outcome.said and "python run.py task=sync" in outcome.said
    assert (folder / "checkpoints" / "best.zip").is_file()
    place.run("task=sync", tiny=False).failed("1 of 1 runs could not be sent", server.uri)
    server.start()
    place.run("task=sync", tiny=False).succeeded()
    assert assert_complete(server.uri, folder) == "FINISHED"
    run_id = read_json(folder / "tracking" / "run.json")["run_id"]
    mlflow.set_tracking_uri(server.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    assert model.predict(natural_photo(1)[None])["photo"].dtype == np.uint8


@pytest.mark.slow
def test_a_server_that_comes_back_during_the_run_gets_what_it_missed_without_sync(
    place: Place, server: RealServer
) -> None:
    arguments = ["task=train", "tracking=mlflow", f"tracking.mlflow.uri={server.uri}", "train.total_timesteps=2048"]
    command = place.start(*arguments, "tracking.mlflow.finish_seconds=120")
    wait_for(said(place, "train", "rollout/ep_len_mean"))
    server.stop()
    wait_for(said(place, "train", "eval/success_rate"))
    server.start()
    outcome = command.wait().succeeded()
    assert "entries wait" not in outcome.said
    assert assert_complete(server.uri, place.folder("train")) == "FINISHED"


@pytest.mark.slow
def test_a_run_that_was_killed_is_completed_and_ended_by_sync(place: Place) -> None:
    command = place.start("task=train", "tracking=mlflow", "train.total_timesteps=200000", "train.eval_every=256")
    outcome = command.send(signal.SIGKILL, once=said(place, "train", "eval/success_rate"))
    assert outcome.code == -signal.SIGKILL
    place.run("task=sync", tiny=False).succeeded()
    assert assert_complete_after_kill(place) == "KILLED"
    assert "Sent 0 entries of 0 runs" in place.run("task=sync", tiny=False).succeeded().said


def assert_complete_after_kill(place: Place) -> str:
    """As above; a run that was killed early has told less."""
    folder = place.folder("train")
    client = MlflowClient(f"sqlite:///{place.outputs / 'mlflow.db'}")
    run = client.get_run(read_json(folder / "tracking" / "run.json")["run_id"])
    for entry in journal_of(folder):
        assert entry.get("metrics", {}).keys() <= run.data.metrics.keys()
    assert run.data.metrics["eval/success_rate"] >= 0
    return str(run.info.status)
