"""The journal of a run: everything that its tracker records, in order, until MLflow has it.

It survives a kill at any moment. An entry that was sent but not yet marked as sent is sent again, which changes
nothing: an entry holds its time, MLflow keeps a metric of the same name, step, time and value once, and everything
else replaces its earlier value.
"""

import errno
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from apsi.errors import ApsiError
from apsi.photo.write import write_text

FOLDER = "tracking"
OF_TRACKERS = ("tensorboard", "wandb")
"""Folders in that of a run in which other trackers keep theirs"""
_BATCH = 1000  # metrics that MLflow takes at once
Entry = dict[str, Any]


class Batch(NamedTuple):
    """What is sent at once: entries of metrics, or one other entry."""

    entries: list[Entry]
    end: int
    """offset in bytes of its end"""


class Header(NamedTuple):
    """Where a journal is to be sent."""

    uri: str
    run_id: str


class Journal:
    """`<run>/tracking/`: `journal.jsonl`, one entry a line; `run.json`, where it goes; `sent`, how much is there."""

    def __init__(self, run_folder: Path) -> None:
        self.run_folder = run_folder
        self.path = run_folder / FOLDER / "journal.jsonl"
        self._header, self._sent = run_folder / FOLDER / "run.json", run_folder / FOLDER / "sent"
        self._writing = threading.Lock()
        self.lock = run_folder / FOLDER / ".lock"
        self.owner = FileLock(self.lock, timeout=0, thread_local=False)
        """held by the process that sends the journal; the system releases it when that process ends"""

    def begin(self, header: Header) -> None:
        """Creates an empty journal and locks it."""
        write_text(self._header, json.dumps(header._asdict()))
        self.owner.acquire()
        self.path.touch()

    @property
    def header(self) -> Header:
        """Where it goes.

        Raises:
            ApsiError: that can't be read.
        """
        try:
            return Header(**json.loads(self._header.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ApsiError(f"{self._header} does not say where {self.path} is to be sent: {error}") from error

    def append(self, entry: Mapping[str, Any]) -> None:
        """Adds an entry, whole or not at all."""
        line = json.dumps(entry).encode() + b"\n"
        with self._writing, self.path.open("ab", buffering=0) as file:
            before = file.tell()
            if file.write(line) < len(line):
                file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def sent(self) -> int:
        """Bytes known to be sent; 0 where that can't be read."""
        try:
            return int(self._sent.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0

    def mark(self, end: int) -> None:
        """Records that everything before this offset is sent."""
        write_text(self._sent, str(end))

    def waits(self) -> bool:
        """Whether some of it is not sent, or it was cut off before its end."""
        return self.sent() < self.path.stat().st_size or "status" not in self.last()

    def unsent(self) -> int:
        """Entries that wait."""
        return sum(len(batch.entries) for batch in self.batches())

    def batches(self) -> Iterator[Batch]:
        """The entries that are not sent yet, in order, without a last line that a kill cut off."""
        entries: list[Entry] = []
        count, end = 0, self.sent()
        with self.path.open("rb") as file:
            file.seek(end)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                entry = self._read(line)
                values = len(entry.get("metrics", ()))
                if entries and (not values or count + values > _BATCH):
                    yield Batch(entries, end)
                    entries, count = [], 0
                entries, count, end = [*entries, entry], count + values, end + len(line)
                if not values:
                    yield Batch(entries, end)
                    entries = []
        if entries:
            yield Batch(entries, end)

    def last(self) -> Entry:
        """The last whole entry; empty where there is none."""
        lines = [line for line in self.path.read_bytes().splitlines(keepends=True)[-2:] if line.endswith(b"\n")]
        return self._read(lines[-1]) if lines else {}

    def drop_cut_off_line(self) -> None:
        """Removes an incomplete last line, which a kill left, so that more can be appended."""
        whole = self.path.read_bytes().rpartition(b"\n")
        if whole[2]:
            os.truncate(self.path, len(whole[0]) + len(whole[1]))

    def _read(self, line: bytes) -> Entry:
        try:
            entry: Entry = json.loads(line)
        except ValueError as error:
            raise ApsiError(f"{self.path} is damaged: {line[:80]!r} is no entry; delete the line") from error
        return entry


def files_to_record(run_folder: Path) -> Iterator[Entry]:
    """Entries for all files of a run's folder but those that tracking itself keeps there, and half-written ones.

    Files of other trackers are theirs. Folders in it that are those of runs, as of the folds of a cross-validation,
    have records of their own.
    """
    runs = {path.parent.name for path in run_folder.glob("*/run.json")}
    for path in sorted(run_folder.rglob("*")):
        name = path.relative_to(run_folder)
        if (
            path.is_file()
            and name.parts[0] not in {FOLDER, *OF_TRACKERS, *runs}
            and not any(part.startswith(".") for part in name.parts)
        ):
            yield {"artifact": name.as_posix(), "to": "/".join(name.parts[:-1])}


def journals_below(folder: Path) -> list[Journal]:
    """The journals of all runs below a folder, oldest first by name."""
    return [Journal(path.parent.parent) for path in sorted(folder.glob(f"**/{FOLDER}/journal.jsonl"))]
