"""What can be removed: a run, a multirun, prepared data, a cache."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

RUN, MULTIRUN, SEARCH, PREPARED, STEP, PARTIAL, SCORES, REMAINS = KINDS = (
    "run",
    "multirun",
    "search",
    "prepared",
    "step",
    "partial",
    "scores",
    "remains",
)
"""`step`: a preprocess step's own outcome; `partial`: data whose making was cut off; `remains`: a removal was"""
RUNS = (RUN, MULTIRUN, SEARCH)
TRASH = ".removed"
"""Folder beside a removed one in which it is deleted: what is in it is no run and no data to anyone"""


@dataclass(frozen=True)
class Record:
    """Where the tracker recorded a run."""

    uri: str
    run_id: str
    artifacts: tuple[Path, ...] = ()
    """its folders in MLflow's own below `output_dir`"""
    is_local: bool = True
    """whether it is in the database in `output_dir`"""
    is_sent: bool = True


@dataclass(frozen=True)
class Entry:
    """One thing that can be removed."""

    kind: str
    path: Path
    state: str
    at: datetime
    """when it ended, or was used last"""
    group: str = ""
    """what it is one of several of: the task of a run"""
    figure: tuple[float, ...] = ()
    """how good its agent is, the larger the better; empty where that is not known"""
    judged_on: str = ""
    """the data that the figure is of"""
    uses: frozenset[str] = frozenset()
    """paths of what it needs of other runs and of data, and ids of runs"""
    records: tuple[Record, ...] = ()
    lock: Path | None = None
    """file whose lock whoever works on it holds"""

    @property
    def places(self) -> list[Path]:
        """All that is removed with it."""
        return [self.path, *(folder for record in self.records for folder in record.artifacts)]

    @cached_property
    def usage(self) -> "Usage":
        """What it takes up."""
        return Usage.of(self.places)


@dataclass
class Usage:
    """Files by device and inode: one that has several names takes up its room once, until the last name is gone."""

    names: Counter[tuple[int, int]] = field(default_factory=Counter)
    links: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """for each file, its names anywhere and its bytes on the disk"""

    @classmethod
    def of(cls, places: Iterable[Path]) -> "Usage":
        """Of files and of all files below folders; symbolic links are not followed."""
        usage = cls()
        for place in places:
            for path in _files(place):
                try:
                    stat = path.lstat()
                except OSError:  # gone meanwhile
                    continue
                key = (stat.st_dev, stat.st_ino)
                usage.names[key] += 1
                # where there are no blocks to be counted, as on Windows, the length
                usage.links[key] = (stat.st_nlink, getattr(stat, "st_blocks", -(-stat.st_size // 512)) * 512)
        return usage

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(size for _, size in self.links.values())

    @property
    def freed(self) -> int:
        """Bytes that the disk gets back when all these names are gone."""
        return sum(size for key, (links, size) in self.links.items() if self.names[key] >= links)


def folders_in(parent: Path) -> Iterator[Path]:
    """The folders in a folder by name, but for hidden ones and symbolic links; none where there is no such folder."""
    try:
        with os.scandir(parent) as found:
            names = sorted(e.name for e in found if e.is_dir(follow_symlinks=False) and not e.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (parent / name for name in names)


def latest_change(folder: Path) -> datetime:
    """When the latest of the files below a folder was written."""
    times = [path.lstat().st_mtime for path in _files(folder)] or [folder.lstat().st_mtime]
    return datetime.fromtimestamp(max(times), UTC)


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock; asking makes no file."""
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir() or place.is_symlink():
        yield place
        return
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names)
