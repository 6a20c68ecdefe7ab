"""What Prometheus reads of a server, beside what it reads of every process."""

from prometheus_client import Counter, Gauge, Histogram

from apsi.monitoring.metrics import Metrics
from apsi.serve.admission import Admission


class ServingMetrics:
    """Counters of one server, under names that begin with `apsi_juror_`, in the registry of its process."""

    def __init__(self, admission: Admission, metrics: Metrics) -> None:
        self._metrics, registry = metrics, metrics.registry
        self.requests = Counter("apsi_juror_requests", "Answered requests to /score", ["status"], registry=registry)
        self.photos = Counter("apsi_juror_photos", "Photos scored", registry=registry)
        sizes = [2**i for i in range(11)]
        self.batches = Histogram("apsi_juror_batch_size", "Photos a batch", buckets=sizes, registry=registry)
        queue = Gauge("apsi_juror_queue", "Photos that wait or are being scored", registry=registry)
        queue.set_function(lambda: admission.photos)
        held = Gauge("apsi_juror_bytes_in_flight", "Bytes that requests hold", registry=registry)
        held.set_function(lambda: admission.size)
        self.latency = Histogram("apsi_juror_request_seconds", "Time to answer /score", registry=registry)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return self._metrics.text()
