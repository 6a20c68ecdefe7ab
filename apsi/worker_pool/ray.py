"""Scoring in Ray actors, on this machine or on a cluster."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.juror.base import Juror, require_scores
from apsi.photo import Floats, Photo, require_photo
from apsi.ray_connection import connect, require_installed, require_reachable
from apsi.types import Seconds
from apsi.worker_pool.base import START_DEATHS, THREADS, Chunks, WorkerPool


class RayPool(WorkerPool):
    """K actors, each with the juror; a lost or hanging one is replaced and its photos are scored again, one by one.

    Args:
        juror: sent to the actors, which load its model themselves.
        address: of a cluster; None: a Ray of its own on this machine that ends with the pool.
        workers: number of actors; None: as many as Ray has cores.
        threads: of each actor, and the cores it takes.
        chunk_size: photos that an actor takes at a time.
        timeout: seconds that one chunk may take.
        start_timeout: seconds that an actor may take to start and load the model.
    """

    def __init__(
        self,
        juror: Juror,
        *,
        address: str | None,
        workers: PositiveInt | None,
        threads: PositiveInt,
        chunk_size: PositiveInt,
        timeout: Seconds,
        start_timeout: Seconds,
    ) -> None:
        self._ray, self._is_own = connect("worker_pool", address)
        self.n = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)) // threads)
        self.deaths = 0
        self._threads, self._chunk_size = threads, chunk_size
        self._timeout, self._start_timeout = timeout, start_timeout
        self._juror = juror
        self._sent = self._ray.put(juror)
        self._actors: list[Any] = []
        self._closed = False

    @classmethod
    def require_ready(cls, settings: Mapping[str, Any]) -> None:
        require_installed("worker_pool")
        require_reachable("worker_pool", settings["address"])

    @property
    def fingerprint(self) -> str:
        return self._juror.fingerprint

    @property
    def tolerance(self) -> float:
        return self._juror.tolerance

    def warm_up(self) -> None:
        """Starts the actors and waits until all have loaded the juror.

        Raises:
            ApsiError: they can't start, or the juror can't be loaded.
        """
        self._require_open()
        try:
            self._require_actors()
        except BaseException:
            self._stop()
            raise

    def score(self, photos: Sequence[Photo]) -> Floats:
        """See `Juror.score`.

        Raises:
            ApsiError: a photo that no actor survives, or actors that can't start.
        """
        self._require_open()
        photos = [require_photo(photo) for photo in photos]
        if not photos:
            return np.empty(0)
        try:
            return require_scores(self._score(photos), self)
        except BaseException:
            self._stop()
            raise

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stop()
            if self._is_own:
                self._ray.shutdown()

    def _require_open(self) -> None:
        if self._closed:
            raise ApsiError("this worker pool is closed")

    def _score(self, photos: Sequence[Photo]) -> Floats:
        chunks, scores = Chunks(len(photos), self.n, self._chunk_size), np.full(len(photos), np.nan)
        running: dict[Any, tuple[Any, list[int], float]] = {}
        while chunks.waiting or running:
            self._require_actors()
            busy = [actor for actor, _, _ in running.values()]
            for actor in self._actors:
                if actor not in busy and chunks.waiting:
                    chunk = chunks.waiting.popleft()
                    answer = actor.score.remote([photos[i] for i in chunk])
                    running[answer] = (actor, chunk, time.monotonic() + self._timeout)
            earliest = min(end for _, _, end in running.values())
            said, _ = self._ray.wait(list(running), timeout=max(0.0, earliest - time.monotonic()))
            late = [answer for answer, (_, _, end) in running.items() if end <= time.monotonic()]
            for answer in said or late:
                actor, chunk, _ = running.pop(answer)
                try:
                    if not said:
                        raise self._ray.exceptions.RayActorError
                    scores[chunk] = _scores(self._ray.get(answer))
                except self._ray.exceptions.RayActorError:
                    self._bury(actor)
                    too_long = f"took longer than worker_pool.timeout={self._timeout:g} s; juror {self.fingerprint}"
                    chunks.died(chunk, f"Ray actors died over it or {too_long}")
        return scores

    def _require_actors(self) -> None:
        """Starts actors where some are missing, and waits until they have loaded the juror."""
        starts = 0
        while len(self._actors) < self.n:
            actor_class = self._ray.remote(_Actor).options(
                num_cpus=self._threads,
                runtime_env={"env_vars": dict.fromkeys(THREADS, str(self._threads))},
            )
            fresh = [actor_class.remote(self._sent) for _ in range(self.n - len(self._actors))]
            self._actors += fresh
            for actor in fresh:
                try:
                    _scores(self._ray.get(actor.warm_up.remote(), timeout=self._start_timeout))
                except self._ray.exceptions.RayActorError as error:
                    starts += 1
                    self._bury(actor)
                    if starts == START_DEATHS:
                        raise ApsiError(
                            f"{START_DEATHS} Ray actors in a row ended before they had loaded the juror ({error}); "
                            "worker_pool=inline shows its error"
                        ) from error
                except self._ray.exceptions.GetTimeoutError as error:
                    raise ApsiError(
                        f"Ray did not start {self.n} actors of {self._threads} cores within "
                        f"worker_pool.start_timeout={self._start_timeout:g} s; choose fewer worker_pool.workers"
                    ) from error

    def _bury(self, actor: Any) -> None:
        self.deaths += 1
        self._actors.remove(actor)
        self._ray.kill(actor)

    def _stop(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors.clear()


class _Actor:
    """The worker's side: errors of the juror are returned, so that an exception always means a lost actor."""

    def __init__(self, juror: Juror) -> None:
        self._juror = juror

    def warm_up(self) -> tuple[str, Any]:
        return _answer(self._juror.warm_up)

    def score(self, photos: Sequence[Photo]) -> tuple[str, Any]:
        return _answer(lambda: self._juror.score(photos))


def _answer(work: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "scores", work()
    except ApsiError as error:
        return "refused", str(error)
    except Exception:
        return "failed", traceback.format_exc()


def _scores(answer: tuple[str, Any]) -> Any:
    kind, value = answer
    if kind == "refused":
        raise ApsiError(value)
    if kind == "failed":
        raise RuntimeError(value)
    return value
