"""Scoring in worker processes that read the photos in place from shared memory."""

import contextlib
import os
import pickle
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.juror.base import Juror, require_scores
from apsi.photo import Floats, Photo, require_photo
from apsi.types import Seconds
from apsi.worker_pool.base import START_DEATHS, THREADS, Chunks, WorkerPool
from apsi.worker_pool.shared_memory_worker import Row, view, work

_PREFIX = "apsi-"
_SEGMENTS = Path("/dev/shm")
_AT_MOST = 1.0
"""Seconds of one wait for the workers: a Ctrl-C that comes just before it is seen only after it"""


@dataclass
class Traffic:
    """Counts of transferred data and restarts since the pool was opened."""

    photos: int = 0
    slab_bytes: int = 0
    """Pixels copied into the slab"""
    pipe_bytes: int = 0
    """Bytes through pipes in both directions: places and scores"""
    deaths: int = 0
    """Workers that died or were killed because they hung"""


@dataclass
class _Worker:
    process: Any
    pipe: connection.Connection
    ready: bool = False
    chunk: list[int] | None = None
    """indices of the photos that it is scoring"""
    since: float = field(default_factory=time.monotonic)


class SharedMemoryPool(WorkerPool):
    """K processes, each with the juror; photos are written once into a shared slab, only places and scores are sent.

    A worker that dies or hangs is replaced and its photos are scored again, one by one, so that the photo at fault is
    found. Workers end with this process, however it ends.

    Args:
        juror: sent to the workers, which load its model themselves.
        workers: number of processes; None: as many as there are cores.
        threads: of each worker; None: its share of the cores.
        chunk_size: photos that a worker takes at a time.
        timeout: seconds that one chunk may take.
        start_timeout: seconds that a worker may take to start and load the model.
    """

    def __init__(
        self,
        juror: Juror,
        *,
        workers: PositiveInt | None,
        threads: PositiveInt | None,
        chunk_size: PositiveInt,
        timeout: Seconds,
        start_timeout: Seconds,
    ) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.n = workers or cores
        self.threads = threads or max(1, cores // self.n)
        self.traffic = Traffic()
        self._juror, self._chunk_size = juror, chunk_size
        self._timeout, self._start_timeout = timeout, start_timeout
        self._workers: list[_Worker] = []
        self._slab: SharedMemory | None = None
        self._pickled: bytes | None = None
        self._start_deaths = 0
        self._closed = False

    @property
    def fingerprint(self) -> str:
        return self._juror.fingerprint

    @property
    def tolerance(self) -> float:
        return self._juror.tolerance

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [worker.process.pid for worker in self._workers]

    def warm_up(self) -> None:
        """Starts the workers and waits until all have loaded the juror.

        Raises:
            ApsiError: they can't start, or the juror can't be loaded.
        """
        self._require_open()
        try:
            self._replace_idle_dead()
            while not all(worker.ready for worker in self._workers):
                for worker in self._await():
                    if self._receive(worker) is None:
                        self._bury(worker, None)
                self._replace_idle_dead()
        except BaseException:
            self._stop()
            raise

    def score(self, photos: Sequence[Photo]) -> Floats:
        """See `Juror.score`.

        Raises:
            ApsiError: a photo that no worker survives, or workers that can't start.
        """
        self._require_open()
        if not photos:
            return np.empty(0)
        try:
            return self._score([require_photo(photo) for photo in photos])
        except BaseException:
            self._stop()  # a worker may still be at a chunk of this batch; the next batch starts afresh
            raise

    def _require_open(self) -> None:
        if self._closed:
            raise ApsiError("this worker pool is closed")

    def close(self) -> None:
        self._closed = True
        self._stop()
        if self._slab is not None:
            self._slab.close()
            self._slab.unlink()
            self._slab = None

    def _score(self, photos: Sequence[Photo]) -> Floats:
        sizes = [photo.nbytes for photo in photos]
        starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        slab = self._require_slab(starts[-1])
        rows = [(start, photo.shape[0], photo.shape[1]) for start, photo in zip(starts, photos, strict=False)]
        chunks = Chunks(len(photos), self.n, self._chunk_size)
        scores, written, missing = np.full(len(photos), np.nan), set[int](), len(photos)
        while missing:
            self._replace_idle_dead()
            for worker in self._workers:
                if worker.ready and worker.chunk is None and chunks.waiting:
                    worker.chunk, worker.since = chunks.waiting.popleft(), time.monotonic()
                    for i in worker.chunk:
                        if i not in written:
                            view(slab, rows[i])[:] = photos[i]
                            written.add(i)
                            self.traffic.slab_bytes += photos[i].nbytes
                    with contextlib.suppress(OSError):  # it died: its pipe says so below
                        self._send(worker, slab.name, [rows[i] for i in worker.chunk])
            for worker in self._await():
                answer = self._receive(worker)
                if answer is None:
                    self._bury(worker, chunks)
                elif isinstance(answer, np.ndarray) and worker.chunk is not None:
                    scores[worker.chunk] = answer
                    missing -= len(answer)
                    worker.chunk = None
        self.traffic.photos += len(photos)
        return require_scores(scores, self)

    def _replace_idle_dead(self) -> None:
        for worker in [w for w in self._workers if w.ready and w.chunk is None and not w.process.is_alive()]:
            self.traffic.deaths += 1
            self._workers.remove(worker)
            _end(worker)
        while len(self._workers) < self.n:
            self._workers.append(self._spawn())

    def _await(self) -> list[_Worker]:
        """Workers that have sent something, are dead, or exceeded the timeout."""
        now = time.monotonic()
        busy = [worker for worker in self._workers if worker.chunk or not worker.ready]
        ends = [worker.since + (self._timeout if worker.ready else self._start_timeout) for worker in busy]
        patience = min(_AT_MOST, max(0.0, min(ends) - now))
        said = connection.wait([worker.pipe for worker in busy], patience)
        late = [worker for worker, end in zip(busy, ends, strict=True) if end <= time.monotonic()]
        for worker in late:
            if worker.pipe not in said:
                worker.process.kill()
        return [worker for worker in busy if worker.pipe in said or worker in late]

    def _receive(self, worker: _Worker) -> Any:
        """Scores, True from a worker that has loaded the juror, or None from one that is dead."""
        try:
            data = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            return None
        self.traffic.pipe_bytes += len(data)
        kind, payload = data[:1], data[1:]
        if kind == b"s":
            return np.frombuffer(payload, np.float64)
        if kind == b"r":
            worker.ready, self._start_deaths = True, 0
            return True
        raise (ApsiError if kind == b"a" else RuntimeError)(payload.decode())

    def _send(self, worker: _Worker, slab: str, rows: list[Row]) -> None:
        data = slab.encode().ljust(64) + np.array(rows, np.int64).tobytes()
        self.traffic.pipe_bytes += len(data)
        worker.pipe.send_bytes(data)

    def _bury(self, worker: _Worker, chunks: Chunks | None) -> None:
        """Removes a dead worker; its photos are assigned again, one by one."""
        self.traffic.deaths += 1
        self._workers.remove(worker)
        _end(worker)
        if not worker.ready:
            self._start_deaths += 1
            if self._start_deaths == START_DEATHS:
                raise ApsiError(
                    f"{START_DEATHS} workers of worker_pool=shared_memory in a row ended before they had loaded the "
                    f"juror, the last with exit code {worker.process.exitcode} (a worker has "
                    f"worker_pool.start_timeout={self._start_timeout:g} s); worker_pool=inline shows its error"
                )
        if chunks is not None and worker.chunk:
            too_long = f"took longer than worker_pool.timeout={self._timeout:g} s; juror {self.fingerprint}"
            chunks.died(worker.chunk, f"workers died over it or {too_long}")

    def _require_slab(self, size: int) -> SharedMemory:
        if self._slab is None or self._slab.size < size:
            if self._slab is None:
                sweep()
            else:
                self._slab.close()
                self._slab.unlink()
                self._slab = None
            name = f"{_PREFIX}{os.getpid()}-{_born(os.getpid())}-{os.urandom(4).hex()}"
            try:
                room = psutil.disk_usage(str(_SEGMENTS)).free if _SEGMENTS.is_dir() else size
                if room < size:  # else writing into it would kill this process
                    raise OSError(f"{room / 1e6:.0f} MB are free")
                self._slab = SharedMemory(name, create=True, size=size)
            except OSError as error:
                raise ApsiError(
                    f"no {size / 1e6:.0f} MB of shared memory for a batch of photos ({error}); make room in "
                    f"{_SEGMENTS}, or choose smaller batches or worker_pool=inline"
                ) from error
        return self._slab

    def _spawn(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        self._pickled = self._pickled or pickle.dumps(self._juror)
        process = context.Process(target=work, args=(theirs, self._pickled), daemon=True, name="apsi-juror")
        resource_tracker.ensure_running()
        with _environment(self.threads), _without_interrupts():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _stop(self) -> None:
        for worker in self._workers:
            _end(worker)
        self._workers.clear()


def sweep() -> None:
    """Removes slabs that a killed process left behind."""
    for path in _SEGMENTS.glob(f"{_PREFIX}*-*-*") if _SEGMENTS.is_dir() else ():
        pid, born = path.name.removeprefix(_PREFIX).split("-")[:2]
        if pid.isdigit() and str(_born(int(pid))) != born:
            path.unlink(missing_ok=True)


def _born(pid: int) -> int:
    """Start time of a process, since process ids are reused; 0: there is no such process."""
    try:
        return int(psutil.Process(pid).create_time() * 100)
    except psutil.NoSuchProcess:
        return 0


def _end(worker: _Worker) -> None:
    worker.process.kill()  # it holds nothing that could be left half-done
    worker.process.join()
    worker.pipe.close()


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    """What numeric libraries read when they are loaded."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started in the block ignore Ctrl-C: their parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
