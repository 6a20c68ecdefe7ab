"""The index on disk: one SQLite file for a `data_dir` and an `output_dir`, made anew where it is broken.

What it holds of a file stands under the digest of that file. A file of the same size and time of change is taken to be
the same; where either differs, its digest decides. All that is told of one file is written in one transaction.
"""

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

from apsi.browse.annotations import DROPPED, Entry, read_annotations, read_skips
from apsi.browse.below import open_below, read_below
from apsi.browse.collecting import no_collecting
from apsi.browse.results import Played, RunFacts, read_facts, read_results
from apsi.browse.sources import ANNOTATIONS, DROPPED_FILE, RESULTS, SKIPPED_FILE, SUMMARY_FILE, Source
from apsi.errors import ApsiError

FORMAT = 2
"""Raised with every change of the tables: an index of another one is made anew"""
_TABLES = """
CREATE TABLE files (id INTEGER PRIMARY KEY, key TEXT UNIQUE, kind TEXT, size INTEGER, stamp INTEGER, digest TEXT,
  said TEXT, info TEXT);
CREATE TABLE photos (id INTEGER PRIMARY KEY, state TEXT, set_name TEXT, split TEXT, name TEXT,
  file TEXT, original_file TEXT, original TEXT, version INTEGER, width INTEGER, height INTEGER, score REAL,
  initial REAL, steps TEXT, meta TEXT, reason TEXT, file_id INTEGER);
CREATE TABLE runs (id INTEGER PRIMARY KEY, file_id INTEGER, name TEXT, dataset TEXT, split TEXT, juror TEXT);
CREATE TABLE episodes (id INTEGER PRIMARY KEY, file_id INTEGER, run INTEGER, policy TEXT, image TEXT, recipe TEXT,
  start REAL, target REAL, final REAL, success INTEGER, steps INTEGER, measures TEXT);
CREATE INDEX photos_of_file ON photos (file_id);
CREATE INDEX episodes_of_file ON episodes (file_id);
CREATE INDEX episodes_by_image ON episodes (image);
CREATE INDEX episodes_by_policy ON episodes (run, policy);
"""
_TABLE_NAMES = ("files", "photos", "runs", "episodes")
_MAX_BYTES = 8 * 1024**3
_PIECE = 1 << 20
_SUMMARY_BYTES = 64 * 1024**2
_PATIENCE = 30  # seconds that another process may hold the file
log = logging.getLogger(__name__)


def is_broken(error: sqlite3.Error) -> bool:
    """Whether an index is to be made anew: one that can't be reached for now, or is held by somebody, is not."""
    if isinstance(error, sqlite3.OperationalError):
        return any(said in str(error) for said in ("no such table", "no such column", "malformed"))
    return isinstance(error, sqlite3.DatabaseError)


class StoppedError(Exception):
    """Somebody wants no more of it."""


@dataclass(frozen=True)
class Known:
    """A file as the index has it."""

    id: int
    size: int
    stamp: int
    digest: str
    said: str
    """why it could not be read; empty where it could"""


class Index:
    """What is known of all files; threads and processes may share it, one at a time writes."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file.

        Raises:
            ApsiError: it can be neither.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._is_whole():
                with self.lock():
                    if not self._is_whole():  # nor did another process make it meanwhile
                        self.remake()
        except (OSError, sqlite3.OperationalError) as error:
            raise ApsiError(
                f"the index {path} can't be written ({error}); let task.cache_dir name a folder that can"
            ) from error

    def lock(self) -> FileLock:
        """Held, of all processes and threads, by the one who writes."""
        return FileLock(self.path.with_suffix(".lock"))

    def remake(self) -> None:
        """Empties it: what it held is read again. For who holds the lock."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        with self.open() as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version={FORMAT};COMMIT;")

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection; what is written in the block is kept where it ends well."""
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level="IMMEDIATE")) as database:
            database.execute("PRAGMA synchronous=NORMAL")
            database.row_factory = sqlite3.Row
            with database:
                yield database

    def is_sound(self) -> bool:
        """Whether all of it can be read, which is tried.

        Raises:
            sqlite3.OperationalError: it can't be reached.
        """
        try:
            with self.open() as database:
                for table in _TABLE_NAMES:
                    database.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
                return bool(database.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            return False

    def known(self) -> dict[str, Known]:
        """The files in it, by their keys."""
        with self.open() as database:
            rows = database.execute("SELECT key, id, size, stamp, digest, said FROM files").fetchall()
        return {row[0]: Known(*row[1:]) for row in rows}

    def drop(self, keys: Iterable[str]) -> None:
        """Forgets files."""
        with self.open() as database:
            for (number,) in [
                found for key in keys for found in database.execute("SELECT id FROM files WHERE key=?", (key,))
            ]:
                _forget(database, number)

    def restamp(self, source: Source) -> None:
        """The same content under another time."""
        with self.open() as database:
            database.execute("UPDATE files SET size=?, stamp=? WHERE key=?", (source.size, source.stamp, source.key))

    def take(self, source: Source, see: Callable[[int], None]) -> bool:
        """Reads a file into the index, instead of what it held of it.

        A file that can't be read is noted with the reason, and has no photos.

        Args:
            source: the file.
            see: is told how many bytes more were read; what it raises ends it, and nothing has changed.

        Returns:
            Whether it could be read.
        """
        digest, said = hashlib.sha256(), ""
        info: dict[str, Any] = {}
        with no_collecting(), self.open() as database:
            known = database.execute("SELECT id FROM files WHERE key=?", (source.key,)).fetchone()
            if known is not None:
                _forget(database, known[0])
            number = database.execute(
                "INSERT INTO files (key, kind, size, stamp) VALUES (?, ?, ?, ?)",
                (source.key, source.kind, source.size, source.stamp),
            ).lastrowid
            try:
                with open_below(source.root, source.parts, _MAX_BYTES) as file:
                    watched = BufferedReader(_Watched(file, digest, see), _PIECE)
                    if source.kind == RESULTS:
                        summary = read_below(source.root, (*source.parts[:-1], SUMMARY_FILE), _SUMMARY_BYTES)
                        run = read_facts("/".join(source.parts[:-1]), summary)
                        _add_run(database, number, run, read_results(watched))
                    else:
                        photos, info = _photos(source, watched)
                        _add_photos(database, number, photos)
            except (ApsiError, OSError) as error:
                said = str(error.strerror if isinstance(error, OSError) and error.strerror else error)[:300]
                _empty(database, number)
                log.warning("%s is left out: %s", source.root.joinpath(*source.parts), said)
            told = json.dumps({key: str(info[key])[:500] for key in ("juror", "dropped", "version") if key in info})
            database.execute(
                "UPDATE files SET digest=?, said=?, info=? WHERE id=?", (digest.hexdigest(), said, told, number)
            )
        return not said

    def _is_whole(self) -> bool:
        if not self.path.exists():
            return False
        try:
            with self.open() as database:
                return bool(database.execute("PRAGMA user_version").fetchone()[0] == FORMAT)
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            log.warning("The index %s is broken and is made anew (%s)", self.path, error)
            return False


class _Watched(RawIOBase):
    """A file whose bytes are counted and hashed as they are read."""

    def __init__(self, file: IO[bytes], digest: Any, see: Callable[[int], None]) -> None:
        self._file, self._digest, self._told = file, digest, see

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self._digest.update(piece)
        self._told(len(piece))
        return len(piece)


def digest_of(source: Source, see: Callable[[int], None]) -> str:
    """SHA-256 of a file.

    Raises:
        OSError: it can't be read.
    """
    digest = hashlib.sha256()
    with open_below(source.root, source.parts, _MAX_BYTES) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            see(len(piece))
    return digest.hexdigest()


def _photos(source: Source, file: IO[bytes]) -> tuple[list[Entry], dict[str, Any]]:
    set_name = source.parts[0]
    if source.kind == SKIPPED_FILE:
        return [*read_skips(file, set_name)], {}
    if source.kind == DROPPED_FILE:
        return read_annotations(file, set_name, "", DROPPED)
    assert source.kind == ANNOTATIONS
    return read_annotations(file, set_name, source.parts[1])


def _add_photos(database: sqlite3.Connection, number: int | None, photos: Sequence[Entry]) -> None:
    database.executemany(
        f"INSERT OR IGNORE INTO photos VALUES ({', '.join('?' * (len(Entry._fields) + 1))})",
        ((*entry, number) for entry in sorted(photos, key=itemgetter(0))),  # as the table has them, which is faster
    )


def _add_run(database: sqlite3.Connection, number: int | None, run: RunFacts, played: Iterable[Played]) -> None:
    database.execute(
        "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
        (run.id, number, run.name, run.dataset, run.split, run.juror),
    )
    database.executemany(
        "INSERT INTO episodes (file_id, run, policy, image, recipe, start, target, final, success, steps, measures)"
        f" VALUES ({', '.join('?' * 11)})",
        (
            (
                *(number, run.id, one.policy, one.image, one.recipe, one.start, one.target, one.final),
                *(int(one.success), one.steps, one.measures),
            )
            for one in played
        ),
    )


def _empty(database: sqlite3.Connection, number: int | None) -> None:
    for table in _TABLE_NAMES[1:]:
        database.execute(f"DELETE FROM {table} WHERE file_id=?", (number,))


def _forget(database: sqlite3.Connection, number: int) -> None:
    _empty(database, number)
    database.execute("DELETE FROM files WHERE id=?", (number,))
