"""Stands for `python`, `apsi`, `pip`, `make` and `curl` on the machine of a reader; what it is called decides.

apsi's commands and scripts go to tests/docs/jobs.py, where all libraries are imported. Nothing is installed or made:
that extras and targets exist is checked.
"""

import json
import os
import re
import socket
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit


def python(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        os.execv(os.environ["READER_PYTHON"], ["python", *arguments])
    return _job(arguments)


def apsi(arguments: list[str]) -> int:
    return _job(["apsi", *arguments])


def _job(argv: list[str]) -> int:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(os.environ["READER_JOBS"])
        job = json.dumps({"argv": argv, "folder": str(Path.cwd()), "environment": dict(os.environ)}).encode()
        socket.send_fds(server, [len(job).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(job)
        return int(server.recv(16) or b"1")


def pip(arguments: list[str]) -> int:
    project = Path(os.environ["READER_REPOSITORY"]) / "pyproject.toml"
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = [word for word in arguments[1:] if not word.startswith("-") and not word.endswith("constraints.txt")]
    for word in wanted:
        asked = re.fullmatch(r"(?:apsi|\.)\[([\w,-]+)\]", word)
        if arguments[0] != "install" or asked is None:
            return _refuse(f"pip {' '.join(arguments)}: only the extras of apsi can be checked; mark the block")
        if missing := set(asked[1].split(",")) - extras.keys():
            return _refuse(f"apsi has no extra {missing}")
    return 0


def make(arguments: list[str]) -> int:
    os.chdir(os.environ["READER_REPOSITORY"])
    os.execv("/usr/bin/make", ["make", "--dry-run", *arguments])


def curl(arguments: list[str]) -> int:
    """The real one, which asks the servers of the page where they really listen, and fails where they refuse."""
    ports = json.loads(Path(os.environ["READER_PORTS"]).read_text(encoding="utf-8"))
    there = [
        word.replace(urlsplit(word).netloc, f"127.0.0.1:{ports.get(str(urlsplit(word).port), urlsplit(word).port)}")
        if re.match(r"https?://(127\.0\.0\.1|localhost):\d+", word)
        else word
        for word in arguments
    ]
    os.execv("/usr/bin/curl", ["curl", "--fail-with-body", "--silent", "--show-error", *there])


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    COMMANDS = {"python": python, "python3": python, "apsi": apsi, "pip": pip, "make": make, "curl": curl}
    sys.exit(COMMANDS[Path(sys.argv[0]).name](sys.argv[1:]))
