"""What Prometheus reads of the service, beside what it reads of every process."""

from collections.abc import Iterator

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apsi.monitoring.metrics import Metrics
from apsi.serve.acquisition.jobs import RUNNING, Jobs
from apsi.serve.acquisition.runner import Runner

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MOST = 1000  # running jobs


class AcquisitionMetrics(Collector):
    """Metrics under names that begin with `apsi_acquisition_`, in the registry of the process."""

    def __init__(self, jobs: Jobs, runner: Runner, max_queue: int, metrics: Metrics) -> None:
        self._jobs, self._runner, self._max_queue, self._metrics = jobs, runner, max_queue, metrics
        self._requests = Counter(
            "apsi_acquisition_requests", "Answered requests", ["method", "status"], registry=metrics.registry
        )
        metrics.registry.register(self)

    def count(self, method: str, status: int) -> None:
        """A request was answered."""
        known = method if method in _METHODS else "other"  # each name that is counted stays in memory
        self._requests.labels(known, str(status)).inc()

    def describe(self) -> list[GaugeMetricFamily]:
        """Prometheus': the table is not asked when this is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("apsi_acquisition_jobs", "Jobs by state", labels=["state"])
        for state, count in self._jobs.count().items():
            jobs.add_metric([state], count)
        running = [self._runner.progress(job.uuid) for job in self._jobs.latest(RUNNING, _MOST)]
        size, seconds = sum(progress.done for progress in running), self._runner.seconds
        yield jobs
        yield GaugeMetricFamily("apsi_acquisition_queue_limit", "Jobs that may wait", self._max_queue)
        yield GaugeMetricFamily("apsi_acquisition_job_seconds", "Time of all jobs since the start", seconds)
        yield GaugeMetricFamily("apsi_acquisition_bytes_in_progress", "Bytes done of running jobs", size)

    def close(self) -> None:
        """The process has no service any more."""
        self._metrics.registry.unregister(self)
        self._metrics.registry.unregister(self._requests)

    def text(self) -> bytes:
        """All metrics of the process in Prometheus' text format."""
        return self._metrics.text()
