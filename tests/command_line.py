"""`python run.py ...` as a user runs it: in a process of its own that can be watched, interrupted and killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CAN_FORK = sys.platform == "linux"
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}  # threads that wait for each other slow tests side by side
_TIMEOUT = 300.0  # seconds; only a command that hangs takes this long

_FORK_FOR_EACH_LINE = """
import gc, json, os, runpy, signal, sys, traceback
import av, pytest
import apsi.task.evaluate, apsi.task.pipeline, apsi.task.preprocess, apsi.task.train, torch._dynamo
import apsi.tracking.model, mlflow.entities, mlflow.tracking, mlflow.store.tracking.sqlalchemy_store
from apsi.config.compose import load_config
from apsi.config.instantiate import check
from tests.configurations import read_once
from tests.databases import wait_for_no_disk

wait_for_no_disk()
read_once(pytest.MonkeyPatch())
check(load_config(["debug=tiny"]))  # what is read and compiled for the first configuration is there for all
gc.collect()
gc.freeze()
signals = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # one that comes in the middle of a fork waits
for line in sys.stdin:
    job = json.loads(line)
    pid = os.fork()
    if not pid:
        for number, name in enumerate((os.devnull, job["printed"] + "/out", job["printed"] + "/err")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        sys.argv = job["argv"]
        code = 1
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # taking down all that was imported would take a second
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that the user saw, on one line: where the terminal breaks lines is no part of a message."""
        return " ".join((self.out + self.err).split())

    def succeeded(self) -> "Outcome":
        """The same outcome, once it is known to be a good one."""
        assert self.code == 0, self.err
        return self

    def failed(self, *parts: str) -> str:
        """The one clear message that the command ended with; it holds every one of these parts."""
        assert self.code == 1, self.err
        assert "Traceback" not in self.out + self.err, self.err
        assert "Error executing job" not in self.err
        assert self.err.count("\nError: ") == 1, self.err
        message = " ".join(self.err.partition("\nError: ")[2].split())
        for part in parts:
            assert part in message
        return message


class Command:
    """A command that runs."""

    def __init__(self, pid: int, exit_code: Callable[[], int], printed: Path) -> None:
        self._pid, self._exit_code, self._printed = pid, exit_code, printed

    def wait(self) -> Outcome:
        """Waits for its end."""
        watchdog = threading.Timer(_TIMEOUT, os.kill, (self._pid, signal.SIGKILL))
        watchdog.start()
        code = self._exit_code()
        watchdog.cancel()
        out, err = ((self._printed / name).read_text(encoding="utf-8") for name in ("out", "err"))
        return Outcome(code, out, err)

    def send(self, number: signal.Signals, once: Callable[[], object]) -> Outcome:
        """Sends a signal as soon as something has happened, unless the command has ended, and waits for the end."""
        deadline = time.monotonic() + _TIMEOUT
        while self._is_alive() and not once() and time.monotonic() < deadline:
            time.sleep(0.005)
        if self._is_alive():
            os.kill(self._pid, number)
        return self.wait()

    def _is_alive(self) -> bool:
        try:
            return psutil.Process(self._pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True)
class Place:
    """Where commands prepare their photos and leave their runs."""

    root: Path
    data: Path

    @property
    def outputs(self) -> Path:
        """The `output_dir` of commands that name none."""
        return self.root / "outputs"

    def start(self, *arguments: str, tiny: bool = True, warm: bool = True) -> Command:
        """Starts `python run.py` with arguments; places and `tracking=none` are added where they are not among them.

        Args:
            arguments: the command line.
            tiny: adds `debug=tiny`.
            warm: forks a process that has imported apsi's libraries already, which saves seconds.
        """
        usual = {"output_dir": str(self.outputs), "data_dir": str(self.data), "tracking": "none"}
        if tiny:
            usual["debug"] = "tiny"
        named = {argument.partition("=")[0] for argument in arguments}
        added = [f"{key}={value}" for key, value in usual.items() if key not in named]
        printed = Path(tempfile.mkdtemp(prefix="printed-", dir=self.root))
        return (_fork if warm and CAN_FORK else _spawn)([str(REPOSITORY / "run.py"), *added, *arguments], printed)

    def run(self, *arguments: str, tiny: bool = True, warm: bool = True) -> Outcome:
        """Runs `python run.py` with arguments to its end."""
        return self.start(*arguments, tiny=tiny, warm=warm).wait()

    def folders(self, task: str) -> list[Path]:
        """The folders of all runs of a task, oldest first."""
        return sorted((self.outputs / task).iterdir()) if (self.outputs / task).exists() else []

    def folder(self, task: str) -> Path:
        """The folder of the latest run of a task."""
        return self.folders(task)[-1]


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative name; locks, which are empty, are none of its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A disk of its own at a folder; yields what gives it another size. Skips the test where that is not allowed."""

    def mount(*options: str) -> None:
        subprocess.run(["mount", *options, str(folder)], check=True, capture_output=True)

    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    try:
        yield lambda size: mount("-o", f"remount,size={size}")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _spawn(argv: list[str], printed: Path) -> Command:
    with (printed / "out").open("w") as out, (printed / "err").open("w") as err:
        process = subprocess.Popen([sys.executable, *argv], cwd=REPOSITORY, env=_ENVIRONMENT, stdout=out, stderr=err)
    return Command(process.pid, process.wait, printed)


def _fork(argv: list[str], printed: Path) -> Command:
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    print(json.dumps({"argv": argv, "printed": str(printed)}), file=server.stdin, flush=True)
    answers = server.stdout
    return Command(int(answers.readline()), lambda: int(answers.readline()), printed)


@cache
def _server() -> "subprocess.Popen[str]":
    """Ends with the tests, when its standard input is closed."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _FORK_FOR_EACH_LINE]
    return subprocess.Popen(command, cwd=REPOSITORY, env=_ENVIRONMENT, stdin=pipe, stdout=pipe, text=True)
