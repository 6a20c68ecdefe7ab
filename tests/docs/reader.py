"""The machine of somebody who reads the pages and types what stands there: a home with photos, a folder to work in.

Every page begins with the same folder, in which there are an agent, pairs and answers already, and the photos and files
that it names.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest

from apsi.dataset.sample import Sample
from tests.command_line import REPOSITORY
from tests.docs.blocks import Block
from tests.docs.budget import known

_TIMEOUT = 900.0  # seconds of a block; only one that hangs takes so long
_COMMANDS = ("python", "python3", "apsi", "pip", "make", "curl")
_OWN = ("HOME", "USER", "LANG", "TMPDIR", "OMP_NUM_THREADS")
_NOWHERE = "http://127.0.0.1:9"  # the proxy for all but this machine: nothing is asked of others
_PHOTO = re.compile(r"(?<![\w.<-])(?:~/|\./)?[\w.-]+(?:/[\w.-]+)*\.(?:jpe?g|png|tiff?|webp)\b(?!\()", re.IGNORECASE)
FILE = re.compile(r"# (\w[\w./-]*\.(?:py|ya?ml|toml|csv|txt))\n")
"""The first line of a block that is the content of a file"""

PREPARED = """
python run.py dataset=folder dataset.path=~/Photos
python run.py task=make_pairs pairs=anchors dataset=folder dataset.path=~/Photos
python run.py task=simulate_answers dataset=folder dataset.path=~/Photos
python run.py task=fit_preference dataset=folder dataset.path=~/Photos
python run.py task=import_answers preference/format=csv task.file=answers.csv dataset=folder dataset.path=~/Photos
"""
"""What earlier pages made"""


class Reader:
    """A home and a folder, with apsi's commands; `run` types a block."""

    def __init__(self, root: Path, supplies: dict[str, Callable[[Path], None]]) -> None:
        """Makes a home with photos in `~/Photos` and `~/Photos/2026`.

        Args:
            root: the reader's folders are made below it.
            supplies: what makes the files, other than photos, that pages name.
        """
        self.home, self.folder = root / "home", root / "home" / "work"
        self._kept, self._supplies, self._supplied = root / "kept", supplies, root / "supplied"
        self._servers, self._bin, self._socket = root / "servers", root / "bin", root / "jobs"
        for place in (self.folder, self._supplied, self._servers, self._bin):
            place.mkdir(parents=True)
        for name in _COMMANDS:
            shim = self._bin / name
            content = f"#!{sys.executable} -IS\n{(REPOSITORY / 'tests' / 'docs' / 'shim.py').read_text('utf-8')}"
            shim.write_text(content, encoding="utf-8")
            shim.chmod(0o755)
        self._photos = [file.path for file in Sample({}).listing().files]
        for number, photo in enumerate(self._photos):
            place = self.home / "Photos" / ("2026" if number < 2 else "")
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, place)
        self._jobs = subprocess.Popen(
            [sys.executable, "-m", "tests.docs.jobs", str(self._socket)],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "HOME": str(self.home)},
        )

    def __enter__(self) -> "Reader":
        while not self._socket.exists():
            assert self._jobs.poll() is None, "tests/docs/jobs.py ended"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._jobs.terminate()
        self._jobs.wait()

    def prepare(self) -> None:
        """Does what earlier pages do, and keeps the outcome for all pages."""
        self._supply(PREPARED)
        self._type(PREPARED)
        shutil.copytree(self.home, self._kept, symlinks=True)

    @contextmanager
    def page(self, blocks: list[Block]) -> Iterator[None]:
        """Begins a page, in a folder as the first one was; servers that the page starts are ended with Ctrl-C."""
        shutil.rmtree(self.home)
        shutil.rmtree(self._servers)
        shutil.copytree(self._kept, self.home, symlinks=True)
        self._servers.mkdir()
        text = "".join(block.text for block in blocks if block.language in ("bash", "python"))
        self._supply(text)
        try:
            yield
        finally:
            ended = dict(self._end_servers())
        assert set(ended.values()) <= {0, 128 + signal.SIGINT}, ended

    def run(self, block: Block) -> None:
        """Types a block of bash or runs one of Python, which must succeed; saves one that begins with `# its/place`."""
        if named := FILE.match(block.text):
            place = self.folder / named[1]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text.partition("\n")[2], encoding="utf-8")
        elif block.language == "python":
            script = f"line_{block.line}.py"
            (self.folder / script).write_text(known(block.text, self.folder), encoding="utf-8")
            self._type(f"python {script}", block)
        elif block.language == "bash":
            self._type(block.text, block)

    def _type(self, text: str, block: Block | None = None) -> None:
        ports = self._servers / "ports.json"
        if not ports.exists():
            ports.write_text("{}", encoding="utf-8")
        environment = {name: os.environ[name] for name in _OWN if name in os.environ} | {
            "HOME": str(self.home),
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "READER_JOBS": str(self._socket),
            "READER_PORTS": str(ports),
            "READER_PYTHON": sys.executable,
            "READER_REPOSITORY": str(REPOSITORY),
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _NOWHERE),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
            "HF_HUB_OFFLINE": "1",
        }
        typed = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", text],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = typed.communicate(timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(typed.pid, signal.SIGKILL)
            said = f"{typed.communicate()[0]}\nIt took longer than {_TIMEOUT:.0f} s"
        if typed.returncode or "Traceback (most recent call last)" in said:
            where = "what pages begin with" if block is None else str(block)
            pytest.fail(f"{where} does not work:\n{text}\n{said[-6000:]}", pytrace=False)

    def _supply(self, text: str) -> None:
        """Puts the photos and files that the text names where it says, unless they are there."""
        for number, name in enumerate(dict.fromkeys(_PHOTO.findall(text))):
            place = self.folder / name.replace("~", str(self.home))
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(place), cv2.imread(str(self._photos[number % len(self._photos)])))
        for name, make in self._supplies.items():
            if re.search(rf"(?<![\w./-]){re.escape(name)}\b", text) and not (self.folder / name).exists():
                if not (self._supplied / name).exists():
                    make(self._supplied / name)
                (self.folder / name).symlink_to(self._supplied / name)

    def _end_servers(self) -> Iterator[tuple[str, int]]:
        for log in self._servers.glob("*.log"):
            code = log.with_suffix(".code")
            if not code.exists():
                os.kill(int(log.stem), signal.SIGINT)
            deadline = time.monotonic() + 30
            while not code.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            said = log.read_text(encoding="utf-8")
            ended = int(code.read_text()) if code.exists() else None
            assert ended is not None and "Traceback (most recent call last)" not in said, said
            yield said[-500:], ended
