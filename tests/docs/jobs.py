"""Runs apsi's commands and scripts of a reader, each forked from here, where the libraries are imported already.

`python -m tests.docs.jobs SOCKET` listens there for what tests/docs/shim.py sends. A command that would serve
something is asked once over HTTP, and left running for the commands after it.
"""

import gc
import json
import os
import re
import runpy
import select
import signal
import socket
import sys
import time
import traceback
import urllib.error
import urllib.request
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from threadpoolctl import threadpool_limits

import apsi.config.compose
from apsi.errors import ApsiError
from apsi.evaluate.require import RequirementError
from tests.command_line import REPOSITORY
from tests.configurations import read_once
from tests.databases import wait_for_no_disk
from tests.docs.budget import composed, known, port_of, small

_HEAVY = (
    *("apsi.env", "apsi.task.advise", "apsi.task.evaluate", "apsi.task.pipeline", "apsi.task.preprocess"),
    *("apsi.task.train", "apsi.tracking.model", "mlflow.store.tracking.sqlalchemy_store", "torch._dynamo"),
)
_PATIENCE = 120  # seconds until a server answers


def serve(address: str) -> None:
    """Forks for every job that is sent there, until the process is ended."""
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for the jobs
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        while True:
            connection = listener.accept()[0]
            if not os.fork():
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _attend(connection)
            connection.close()


def _import_all() -> None:
    for name in _HEAVY:
        import_module(name)
    threadpool_limits(1)
    wait_for_no_disk()
    read_once(pytest.MonkeyPatch())
    composed([])
    gc.collect()
    gc.freeze()


def _attend(connection: socket.socket) -> None:
    """Runs a job and tells its exit code; ends it when whoever asked for it is gone."""
    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as sent:
        job = json.loads(sent.read(int.from_bytes(size, "big")))
    pid = os.fork()
    if not pid:
        connection.close()
        _run(job, files)
    ended = os.pidfd_open(pid)
    if ended not in select.select([connection, ended], [], [])[0]:
        os.kill(pid, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):  # nobody may be waiting any more
        connection.sendall(str(code).encode())
    os._exit(0)


def _run(job: dict[str, Any], files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)  # or what reads them would wait for servers that are left running
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    os._exit(_code_of(job["argv"]))


def _code_of(argv: list[str]) -> int:
    try:
        if Path(argv[0]).name in ("run.py", "apsi"):
            argv, port = _affordable(argv)
            if port is not None:
                pid = os.fork()
                return _ask_once(pid, port) if pid else _left_running(argv)
        return _end_of(argv)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 1


def _affordable(argv: list[str]) -> tuple[list[str], int | None]:
    """The command with a small budget, and the port where it would listen."""
    folder = Path.cwd()
    arguments = [known(_at_real_port(word), folder) for word in argv[1:]]
    try:
        config = composed(arguments, hydra="--multirun" in arguments or "-m" in arguments)
    except (ApsiError, HydraException, OmegaConfBaseException, SystemExit):
        return [argv[0], *arguments], None  # it says itself what is wrong
    port = port_of(config)
    here = ["task.host=127.0.0.1"] if OmegaConf.select(config, "task.host") else []
    return [argv[0], *small(arguments, config), *here, *([] if port is None else ["task.port=0"])], port


def _at_real_port(text: str) -> str:
    ports = json.loads(Path(os.environ["READER_PORTS"]).read_text(encoding="utf-8"))
    return re.sub(r"(?<=http://127\.0\.0\.1:)\d+", lambda found: str(ports.get(found[0], found[0])), text)


def _end_of(argv: list[str]) -> int:
    is_script = Path(argv[0]).name not in ("run.py", "apsi")
    sys.argv = [str(REPOSITORY / argv[0]) if argv[0] == "run.py" else argv[0], *argv[1:]]
    sys.path[:0] = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if is_script:
        apsi.config.compose.compose = _small_composed
    try:
        runpy.run_path(argv[0] if is_script else str(REPOSITORY / "run.py"), run_name="__main__")
    except SystemExit as end:
        missed = end.code == RequirementError.exit_code  # so little training need not reach what the page asks for
        return 0 if missed or not end.code else int(end.code) if isinstance(end.code, int) else 1
    return 0


def _small_composed(name: str, overrides: list[str], **more: bool) -> DictConfig:
    """In place of Hydra's function, for what scripts compose."""
    return compose(name, overrides=small(overrides, compose(name, overrides=overrides)), **more)


def _left_running(argv: list[str]) -> int:
    servers = Path(os.environ["READER_PORTS"]).parent
    log = os.open(servers / f"{os.getpid()}.log", os.O_RDWR | os.O_CREAT)
    for number in (1, 2):
        os.dup2(log, number)
    code = _end_of(argv)
    (servers / f"{os.getpid()}.code").write_text(str(code), encoding="utf-8")
    return code


def _ask_once(pid: int, port: int) -> int:
    """Waits until the server says where it listens, asks for its first page, and remembers its port."""
    ports = Path(os.environ["READER_PORTS"])
    log = ports.with_name(f"{pid}.log")
    deadline = time.monotonic() + _PATIENCE
    found = None
    while found is None and time.monotonic() < deadline and not os.waitpid(pid, os.WNOHANG)[0]:
        time.sleep(0.1)
        said = log.read_text(encoding="utf-8") if log.exists() else ""
        found = re.search(r"http://[\w.]+:(\d+)", said)
    if found is None:
        print(said, file=sys.stderr)
        return 1
    ports.write_text(json.dumps(json.loads(ports.read_text()) | {str(port): found[1]}), encoding="utf-8")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=30) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:  # as where a token is needed, or where there is no page but an API
        status = error.code
    print(f"Answered {status} on port {found[1]} in place of {port}")
    return int(status >= 500)


if __name__ == "__main__":
    serve(sys.argv[1])
