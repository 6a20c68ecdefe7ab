"""Runs in TensorBoard's files."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import numpy as np

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.photo.write import read_png
from apsi.tracking.base import Tracker
from apsi.tracking.description import DESCRIPTION
from apsi.tracking.journal import OF_TRACKERS
from apsi.tracking.system import SystemMonitor
from apsi.types import Seconds

_SUCCESSES = ("eval/success_rate", "test/agent_success_rate")
"""Metrics that TensorBoard's page of hyperparameters shows beside these"""
_CONFIG = ("config.yaml", "overrides.yaml")


class TensorBoardTracker(Tracker):
    """Scalars by step, pictures, settings as hyperparameters and as text; each is on disk once it is recorded."""

    def __init__(self, folder: str | None, system_seconds: Seconds | None) -> None:
        """Stores where to write.

        Args:
            folder: gets a folder for each run, named by where the run lies; None: `tensorboard/` in the run's own one.
            system_seconds: time between two measurements of the machine's load; None for none.

        Raises:
            ApsiError: TensorBoard is not installed.
        """
        if find_spec("tensorboard") is None:
            raise ApsiError("tracking=tensorboard needs a further package: pip install 'apsi[tensorboard]'")
        self._parent = None if folder is None else Path(folder).expanduser()
        self._system_seconds = system_seconds
        self._monitor: SystemMonitor | None = None
        self._shown: dict[Path, int] = {}
        self._holds_results = False
        self._writing = threading.Lock()

    def start(
        self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str], section: str = ""
    ) -> None:
        from torch.utils.tensorboard.summary import hparams
        from torch.utils.tensorboard.writer import SummaryWriter

        self._run = folder
        own = folder / OF_TRACKERS[0]
        # jobs of multiruns are called 0, 1, ... and folds fold-1, ...: the folders that they lie in tell them apart
        place = "-".join((section or "trainings", *folder.absolute().parts[-3:]))
        self.folder = own if self._parent is None else self._parent / place
        self._suffix = f".{uuid4().hex}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer: SummaryWriter = SummaryWriter(str(self.folder), filename_suffix=self._suffix)
        except OSError as error:
            raise ApsiError(f"tracking.tensorboard.folder={self._parent}: {error}") from error
        begins, session, self._ends = hparams(  # type: ignore[no-untyped-call]  # torch leaves it untyped
            {key: _value(value) for key, value in params.items()}, dict.fromkeys(_SUCCESSES)
        )
        for summary in (begins, session):
            self._add(summary)
        self._writer.add_text("run", f"# {name}")
        self.tags(tags)
        for file in _CONFIG:
            if (folder / file).is_file():
                self._writer.add_text(file, _block((folder / file).read_text(encoding="utf-8")))
        self._writer.flush()
        if self._system_seconds is not None:
            self._monitor = SystemMonitor(self._record, self._system_seconds)
            self._monitor.start()

    def tags(self, tags: Mapping[str, str]) -> None:
        with self._writing:
            for key, value in tags.items():
                self._writer.add_text("description" if key == DESCRIPTION else key, value)
            self._writer.flush()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        if values:
            self._holds_results = True
            self._record(values, step)
            self._pictures()  # those that were made since

    def dataset(self, split: PreparedSplit, context: str) -> None:
        self._holds_results = True
        facts = {
            "folder": str(split.folders[0].parent),
            "digest": split.digest,
            "episodes": len(split.episodes),
            "dropped": split.dropped,
            "juror": split.juror,
        }
        self.tags({f"data/{context}": _block(json.dumps(facts, indent=1))})

    def files(self) -> None:
        self._pictures()

    def model(self, checkpoint: Path) -> None:
        self.tags({"checkpoint": str(checkpoint)})

    def finish(self, status: str) -> None:
        self._close()
        self._add(self._ends)
        self._writer.add_text("status", status)
        self._writer.close()

    def discard(self) -> bool:
        if self._holds_results:
            return False
        self._close()
        self._writer.close()
        for file in self.folder.glob(f"events.out.tfevents.*{self._suffix}"):
            file.unlink()
        if not any(self.folder.iterdir()):  # it may hold the record of an earlier start
            self.folder.rmdir()
        return True

    def _add(self, summary: object) -> None:
        assert self._writer.file_writer is not None  # it is only once the writer is closed
        self._writer.file_writer.add_summary(summary)

    def _close(self) -> None:
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None

    def _record(self, values: Mapping[str, float], step: int) -> None:
        with self._writing:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step, new_style=True, double_precision=True)
            self._writer.flush()

    def _pictures(self) -> None:
        """Shows the pictures that are whole and were not shown yet."""
        with self._writing:
            for path, tag, step in _pictures(self._run / "images"):
                written = path.stat().st_mtime_ns
                if self._shown.get(path) != written:
                    self._shown[path] = written
                    self._writer.add_image(tag, np.ascontiguousarray(read_png(path)), step, dataformats="HWC")
            self._writer.flush()


def _pictures(images: Path) -> Iterator[tuple[Path, str, int]]:
    """Files with the name and the step that they are shown under."""
    for path in sorted(images.glob("training/step_*.png")):
        yield path, "training", int(path.stem.removeprefix("step_"))
    for path in (*sorted(images.glob("mosaic*.png")), *sorted(images.glob("before_after_*.png"))):
        yield path, f"evaluation/{path.stem}", 0


def _value(text: str) -> bool | float | str:
    """A setting as TensorBoard can sort by it."""
    if text in ("True", "False"):
        return text == "True"
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text) else text


def _block(text: str) -> str:
    """As it is, in TensorBoard's Markdown."""
    return "\n".join(f"    {line}" for line in text.splitlines())
