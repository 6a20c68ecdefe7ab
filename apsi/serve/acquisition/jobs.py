"""Jobs in a database of their own: what it says is true whenever the service dies."""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError

NEW, RUNNING, COMPLETED, FAILED, CANCELLED = "NEW", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"
STATES = (NEW, RUNNING, COMPLETED, FAILED, CANCELLED)
UNFINISHED = (NEW, RUNNING)
_KEPT = 10_000
"""finished jobs that are remembered"""

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    type TEXT NOT NULL,
    url TEXT NOT NULL,
    sha256 TEXT,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    cancelling INTEGER NOT NULL DEFAULT 0,
    starts INTEGER NOT NULL DEFAULT 0,
    created TEXT NOT NULL,
    started TEXT,
    ended TEXT,
    error TEXT,
    result TEXT
)
"""


@dataclass(frozen=True)
class Job:
    """One row."""

    uuid: str
    kind: str
    """`acquisition` or `copy`"""
    type: str
    url: str
    sha256: str | None
    name: str
    """of the folder"""
    state: str
    cancelling: bool
    starts: int
    """how often it was begun"""
    created: str
    started: str | None
    ended: str | None
    error: str | None
    result: Mapping[str, Any] | None

    @property
    def wanted(self) -> tuple[str, str, str, str | None, str]:
        """What was asked for."""
        return self.kind, self.type, self.url, self.sha256, self.name


class Jobs:
    """The table; may be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file.

        Raises:
            ApsiError: it is no such table, or can't be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.row_factory = sqlite3.Row
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(_TABLE)
            self._database.execute(f"SELECT {', '.join(Job.__dataclass_fields__)} FROM jobs LIMIT 0")
        except sqlite3.Error as error:
            raise ApsiError(
                f"task.database={path} can't be used for the jobs ({error}): move it away, or name another file"
            ) from error

    def close(self) -> None:
        """Nothing is asked after this."""
        with self._lock:
            self._database.close()

    def add(self, *, kind: str, type: str, url: str, sha256: str | None, name: str) -> Job:
        """A job that is new."""
        with self._transaction() as database:
            found = str(uuid.uuid4())
            database.execute(
                "INSERT INTO jobs (uuid, kind, type, url, sha256, name, state, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (found, kind, type, url, sha256, name, NEW, _now()),
            )
            database.execute(
                "DELETE FROM jobs WHERE state NOT IN (?, ?) AND number <= (SELECT max(number) FROM jobs) - ?",
                (*UNFINISHED, _KEPT),
            )
        job = self.find(found)
        assert job is not None
        return job

    def find(self, uuid: str) -> Job | None:
        """A job, where there is one."""
        return next(iter(self._select("uuid = ?", uuid)), None)

    def unfinished(self, name: str) -> Job | None:
        """The job that makes a folder now or soon."""
        return next(iter(self._select("name = ? AND state IN (?, ?)", name, *UNFINISHED)), None)

    def latest(self, state: str | None, limit: int) -> list[Job]:
        """The latest jobs, the last first."""
        where, values = ("state = ?", [state]) if state else ("1", [])
        return self._select(f"{where} ORDER BY number DESC LIMIT ?", *values, limit)

    def count(self) -> dict[str, int]:
        """How many are in each state."""
        with self._lock:
            rows = self._database.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()
        return dict.fromkeys(STATES, 0) | dict(rows)

    def claim(self) -> Job | None:
        """The oldest new job, which is running from now on; None: there is none whose folder nobody works on."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT uuid FROM jobs WHERE state = ? AND name NOT IN (SELECT name FROM jobs WHERE state = ?) "
                "ORDER BY number LIMIT 1",
                (NEW, RUNNING),
            ).fetchone()
            if row is None:
                return None
            database.execute(
                "UPDATE jobs SET state = ?, started = coalesce(started, ?), starts = starts + 1 WHERE uuid = ?",
                (RUNNING, _now(), row["uuid"]),
            )
            return _job(database.execute("SELECT * FROM jobs WHERE uuid = ?", (row["uuid"],)).fetchone())

    def finish(self, uuid: str, state: str, error: str | None = None, result: Mapping[str, Any] | None = None) -> None:
        """A running job has come to its end."""
        with self._transaction() as database:
            database.execute(
                "UPDATE jobs SET state = ?, ended = ?, error = ?, result = ? WHERE uuid = ? AND state = ?",
                (state, _now(), error, None if result is None else json.dumps(result), uuid, RUNNING),
            )

    def give_back(self, uuid: str) -> None:
        """A running job waits for the next start of the service."""
        with self._transaction() as database:
            database.execute("UPDATE jobs SET state = ? WHERE uuid = ? AND state = ?", (NEW, uuid, RUNNING))

    def cancel(self, uuid: str) -> Job | None:
        """A new job is cancelled at once, a running one when it notices; None: it has come to its end before."""
        with self._transaction() as database:
            database.execute(
                "UPDATE jobs SET state = ?, ended = ?, cancelling = 1 WHERE uuid = ? AND state = ?",
                (CANCELLED, _now(), uuid, NEW),
            )
            changed = database.execute("SELECT changes()").fetchone()[0]
            database.execute("UPDATE jobs SET cancelling = 1 WHERE uuid = ? AND state = ?", (uuid, RUNNING))
            changed += database.execute("SELECT changes()").fetchone()[0]
        return self.find(uuid) if changed else None

    def recover(self) -> tuple[list[Job], list[Job]]:
        """After a start: what ran when the service died is new again, or cancelled where that was asked for."""
        running = self._select("state = ?", RUNNING)
        again, cancelled = [job for job in running if not job.cancelling], [job for job in running if job.cancelling]
        for job in cancelled:
            self.finish(job.uuid, CANCELLED)
        for job in again:
            self.give_back(job.uuid)
        return again, cancelled

    def _select(self, where: str, *values: object) -> list[Job]:
        with self._lock:
            rows = self._database.execute(f"SELECT * FROM jobs WHERE {where}", values).fetchall()
        return [_job(row) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in Job.__dataclass_fields__}
    values["cancelling"] = bool(values["cancelling"])
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    return Job(**values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
