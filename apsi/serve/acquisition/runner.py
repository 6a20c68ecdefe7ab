"""Threads that do the jobs."""

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apsi.acquire.base import Acquire, CancelledError, Watch
from apsi.acquire.keep import FILES, Source, acquire_once, discard_partial
from apsi.errors import ApsiError
from apsi.serve.acquisition.jobs import CANCELLED, COMPLETED, FAILED, Job, Jobs

log = logging.getLogger(__name__)

_LOOK = 0.5
"""seconds between two looks for jobs that nobody told of"""


class _StoppedError(Exception):
    """The service ends; the job goes on when it begins again."""


@dataclass
class Progress:
    """How far a job is."""

    step: str = ""
    done: int = 0
    total: int | None = None


class _JobWatch(Watch):
    def __init__(self, stopping: threading.Event) -> None:
        self.cancelled, self._stopping = threading.Event(), stopping
        self.progress = Progress()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def at(self, what: str, done: int, total: int | None) -> None:
        self.progress = Progress(what, done, total)
        if self.cancelled.is_set():
            raise CancelledError
        if self._stopping.is_set():
            raise _StoppedError


class Runner:
    """Does jobs, a few at a time, the oldest first."""

    def __init__(self, jobs: Jobs, root: Path, types: Mapping[str, Acquire], copies: Acquire, max_running: int) -> None:
        """Takes what is needed; starts nothing yet.

        Args:
            jobs: the table.
            root: the folder below which all folders are made.
            types: by the name of the type, what gets it.
            copies: what copies acquired sets.
            max_running: jobs at a time.
        """
        self._jobs, self._root, self._types, self._copies = jobs, root, types, copies
        self._stopping, self._news = threading.Event(), threading.Condition()
        self._watches: dict[str, _JobWatch] = {}
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(max_running)]
        self._ended, self._adding = 0.0, threading.Lock()

    def start(self) -> None:
        """Takes up what was running when the service ended, and begins to work."""
        again, cancelled = self._jobs.recover()
        for job in cancelled:
            discard_partial(self._root / job.name)
        for job in again:
            log.info("Job %s (%s) goes on", job.uuid, job.name)
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float) -> None:
        """Ends; jobs in hand wait for the next start, also those that don't notice within so many seconds."""
        self._stopping.set()
        self.tell()
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def tell(self) -> None:
        """There is a new job."""
        with self._news:
            self._news.notify_all()

    def cancel(self, uuid: str) -> None:
        """Ends a running job as soon as it looks up."""
        watch = self._watches.get(uuid)
        if watch is not None:
            watch.cancelled.set()

    def progress(self, uuid: str) -> Progress:
        """How far a job is."""
        watch = self._watches.get(uuid)
        return Progress() if watch is None else watch.progress

    @property
    def seconds(self) -> float:
        """Of all jobs together since the start, those at work included."""
        with self._adding:
            return self._ended + sum(watch.seconds for watch in [*self._watches.values()])

    def acquire_for(self, job_kind: str, type: str) -> Acquire:
        """What does a job.

        Raises:
            ApsiError: the service has no such type, or none any more.
        """
        if job_kind == "copy" and type == "acquired":
            return self._copies
        if type not in self._types:
            raise ApsiError(f"this service has no type={type!r}, only: {', '.join(self._types)}")
        return self._types[type]

    def _work(self) -> None:
        while not self._stopping.is_set():
            job = self._claimed()
            if job is None:
                with self._news:
                    self._news.wait(_LOOK)
            else:
                self._do(job)

    def _claimed(self) -> Job | None:
        try:
            return self._jobs.claim()
        except sqlite3.Error as error:  # a full disk, which somebody may empty
            log.warning("No job can be begun: %s", error)
            return None

    def _do(self, job: Job) -> None:
        watch = self._watches[job.uuid] = _JobWatch(self._stopping)
        log.info("Job %s: %s of %s as %s", job.uuid, job.kind, job.url, job.name)
        try:
            found = self._jobs.find(job.uuid)
            if found is not None and found.cancelling:  # between claiming and now
                watch.cancelled.set()
            self._finish(job, COMPLETED, result=self._get(job, watch))
        except CancelledError:
            discard_partial(self._root / job.name)
            self._finish(job, CANCELLED)
        except _StoppedError:
            with suppress(sqlite3.Error):  # what counts as running begins again all the same
                self._jobs.give_back(job.uuid)
        except (ApsiError, OSError) as error:
            self._finish(job, FAILED, error=str(error))
        except Exception as error:  # whatever it is, the job failed by it, and the service works on
            log.exception("Job %s", job.uuid)
            self._finish(job, FAILED, error=f"{type(error).__name__}: {error}")
        finally:
            with self._adding:
                self._watches.pop(job.uuid, None)
                self._ended += watch.seconds

    def _get(self, job: Job, watch: Watch) -> dict[str, Any]:
        watch.at("Beginning", 0, None)
        acquire = self.acquire_for(job.kind, job.type)
        url = f"{job.url}/{FILES}" if acquire is self._copies else job.url
        acquired = acquire_once(acquire, [Source(url, job.sha256)], self._root / job.name, watch)
        _, fetched = acquired.sources[0]
        return {
            "path": f"{job.name}/{FILES}",
            "sha256": fetched.sha256,
            "files": acquired.files,
            "bytes": acquired.size,
        }

    def _finish(self, job: Job, state: str, *, error: str | None = None, result: dict[str, Any] | None = None) -> None:
        log.info("Job %s is %s%s", job.uuid, state, f": {error}" if error else "")
        while True:
            try:
                self._jobs.finish(job.uuid, state, error, result)
                return
            except sqlite3.Error as problem:
                log.warning("The state of job %s can't be written (%s); trying again", job.uuid, problem)
                if self._stopping.wait(5):
                    return  # it counts as running, and begins again
