"""All metrics of a process but those that belong to one server, by name. Counting costs a microsecond, read or not."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Cache(Protocol):
    """What remembers scores, and counts."""

    hits: int
    misses: int


class Metrics:
    """One process' metrics, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.run = Gauge("apsi_run_info", "The run at work: its task and folder", ["task", "run"], registry=registry)
        self._running = Gauge("apsi_phase_running", "1 while this part is at work", ["phase"], registry=registry)
        self._seconds = Gauge("apsi_phase_seconds", "Seconds that this part took", ["phase"], registry=registry)
        self._figure = Gauge(
            "apsi_figure", "The latest value of a metric of the run's record", ["name"], registry=registry
        )
        self.steps = Counter("apsi_train_steps", "Environment steps that this process trained", registry=registry)
        self.episodes = Counter("apsi_train_episodes", "Training episodes that ended", registry=registry)
        self.successes = Counter("apsi_train_successes", "Training episodes that were successes", registry=registry)
        self.timesteps = Gauge(
            "apsi_train_timesteps", "Environment steps of the run, with those before it went on", registry=registry
        )
        self.planned = Gauge("apsi_train_timesteps_planned", "Environment steps at which it ends", registry=registry)
        self.photos = Counter(
            "apsi_preprocess_photos", "Photos prepared, by what was done to them", ["work"], registry=registry
        )
        self.expected = Gauge(
            "apsi_preprocess_photos_expected", "Photos that the work at hand has", ["work"], registry=registry
        )
        self.trials = Gauge("apsi_search_trials", "Trials of the search, by state", ["state"], registry=registry)
        self.score_seconds = Histogram(
            "apsi_juror_score_seconds", "Time of a call of the juror", buckets=_LATENCY, registry=registry
        )
        self.scored = Counter("apsi_juror_scored_photos", "Photos that the juror itself scored", registry=registry)
        self.scoring = Gauge("apsi_juror_scoring_photos", "Photos that wait for their score", registry=registry)
        hits = Gauge("apsi_juror_cache_hits", "Photos whose score was known", registry=registry)
        misses = Gauge("apsi_juror_cache_misses", "Photos that had to be scored", registry=registry)
        hits.set_function(lambda: self._cached()[0])
        misses.set_function(lambda: self._cached()[1])
        self._caches: list[Cache] = []
        self._closed = (0, 0)
        self._caching = threading.Lock()

    def begin(self, task: str, run: str) -> None:
        """A run begins: figures and parts of an earlier one in this process are no longer shown."""
        for gauge in (self.run, self._running, self._seconds, self._figure):
            gauge.clear()
        self.run.labels(task, run).set(1)

    def record(self, values: Mapping[str, float]) -> None:
        """Shows the latest values of what is recorded of the run."""
        for name, value in values.items():
            self._figure.labels(name).set(value)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Takes the time of a part of the run."""
        running, seconds, began = self._running.labels(name), self._seconds.labels(name), time.monotonic()
        running.set(1)
        seconds.set_function(lambda: time.monotonic() - began)
        try:
            yield
        finally:
            took = time.monotonic() - began
            seconds.set_function(lambda: took)
            running.set(0)

    @contextmanager
    def cache(self, cache: Cache) -> Iterator[None]:
        """Counts the scores that this cache knows, also after the block."""
        with self._caching:
            self._caches.append(cache)
        try:
            yield
        finally:
            with self._caching:
                self._caches.remove(cache)
                self._closed = (self._closed[0] + cache.hits, self._closed[1] + cache.misses)

    def _cached(self) -> tuple[int, int]:
        with self._caching:
            hits = self._closed[0] + sum(cache.hits for cache in self._caches)
            return hits, self._closed[1] + sum(cache.misses for cache in self._caches)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)


METRICS = Metrics()
"""Those of this process"""


def described(registry: CollectorRegistry) -> dict[str, tuple[str, str]]:
    """Name -> kind and meaning, for the page that lists them; names of counters as they are asked for."""
    found = {}
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not re.search(r"_created$", name):
            found[name] = (family.type, family.documentation)
    return found
