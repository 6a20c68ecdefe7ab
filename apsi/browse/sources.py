"""The files that tell of photos and runs: annotation files below `prepared`, results below `output_dir`."""

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apsi.clean.entry import folders_in
from apsi.preprocess.base import PREPARED_FOLDER, SPLITS
from apsi.preprocess.degrade import DROPPED

ANNOTATIONS, SKIPPED_FILE, DROPPED_FILE, RESULTS = KINDS = ("annotations.json", "skipped.csv", DROPPED, "results")
"""The last: `results.csv` with `summary.json` beside it"""
RESULTS_FILE, SUMMARY_FILE, RECORD_FILE = "results.csv", "summary.json", "run.json"
log = logging.getLogger(__name__)
_DEEP = 4  # folders below `output_dir`: task, multirun, run, fold


@dataclass(frozen=True)
class Source:
    """One file."""

    kind: str
    root: Path
    """below which no link is followed"""
    parts: tuple[str, ...]
    """of its path below it"""
    size: int
    stamp: int
    """time of its last change, in nanoseconds"""

    @property
    def name(self) -> str:
        """Its path below `root`, which tells it from others of its kind."""
        return "/".join(self.parts)

    @property
    def key(self) -> str:
        """Tells it from all others."""
        return f"{self.kind}:{self.root.joinpath(*self.parts)}"


@dataclass(frozen=True)
class Places:
    """Where prepared photos and runs lie."""

    data_dir: Path
    output_dir: Path

    @property
    def prepared(self) -> Path:
        """The folder of prepared sets."""
        return Path(os.path.realpath(self.data_dir / PREPARED_FOLDER))

    @property
    def runs(self) -> Path:
        """The folder of runs."""
        return Path(os.path.realpath(self.output_dir))

    @property
    def digest(self) -> str:
        """A short name of both."""
        return hashlib.sha256(os.fsencode(self.prepared) + b"\0" + os.fsencode(self.runs)).hexdigest()[:16]

    def sources(self) -> Iterator[Source]:
        """All files that there are now, the smallest annotation files first."""
        found = [*self._of_sets()]
        yield from sorted(found, key=lambda source: source.size)
        yield from self._of_runs(self.runs, ())

    def _of_sets(self) -> Iterator[Source]:
        for folder in _folders(self.prepared):
            if not any(_is_file(folder / split / ANNOTATIONS) for split in SPLITS):
                continue
            for split in SPLITS:
                yield from _found(ANNOTATIONS, self.prepared, (folder.name, split, ANNOTATIONS))
            for kind in (SKIPPED_FILE, DROPPED_FILE):
                yield from _found(kind, self.prepared, (folder.name, kind))

    def _of_runs(self, folder: Path, parts: tuple[str, ...]) -> Iterator[Source]:
        if parts and _is_file(folder / RECORD_FILE) and _is_file(folder / SUMMARY_FILE):
            yield from _found(RESULTS, self.runs, (*parts, RESULTS_FILE))
        if len(parts) < _DEEP:
            for below in _folders(folder):
                yield from self._of_runs(below, (*parts, below.name))


def _folders(parent: Path) -> list[Path]:
    """The folders in a folder; those that can't be looked into, or be named in a text, are left out, with a warning."""
    try:
        found = [*folders_in(parent)]
    except OSError as error:
        log.warning("%s is left out: %s", parent, error.strerror)
        return []
    named = [folder for folder in found if folder.name.encode(errors="replace").decode() == folder.name]
    for folder in found:
        if folder not in named:
            log.warning("%r in %s is left out: its name is not UTF-8; rename it", folder.name, parent)
    return named


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder of somebody else
        return False


def _found(kind: str, root: Path, parts: tuple[str, ...]) -> Iterator[Source]:
    path = root.joinpath(*parts)
    try:
        stat = path.lstat()
    except OSError:
        return
    if not path.is_symlink() and path.is_file():
        yield Source(kind, root, parts, stat.st_size, stat.st_mtime_ns)
