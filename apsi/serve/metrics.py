"""What Prometheus reads."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.serve.admission import Admission


class Metrics:
    """Counters of one server, under names that begin with `apsi_juror_`."""

    def __init__(self, juror: Juror, admission: Admission) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "apsi_juror_requests", "Answered requests to /score", ["status"], registry=self._registry
        )
        self.photos = Counter("apsi_juror_photos", "Photos scored", registry=self._registry)
        sizes = [2**i for i in range(11)]
        self.batches = Histogram("apsi_juror_batch_size", "Photos a batch", buckets=sizes, registry=self._registry)
        queue = Gauge("apsi_juror_queue", "Photos that wait or are being scored", registry=self._registry)
        queue.set_function(lambda: admission.photos)
        held = Gauge("apsi_juror_bytes_in_flight", "Bytes that requests hold", registry=self._registry)
        held.set_function(lambda: admission.size)
        self.latency = Histogram("apsi_juror_request_seconds", "Time to answer /score", registry=self._registry)
        if isinstance(juror, CachedJuror):
            hits = Gauge("apsi_juror_cache_hits", "Photos whose score was known", registry=self._registry)
            misses = Gauge("apsi_juror_cache_misses", "Photos that had to be scored", registry=self._registry)
            hits.set_function(lambda: juror.hits)
            misses.set_function(lambda: juror.misses)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
