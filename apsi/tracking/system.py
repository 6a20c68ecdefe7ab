"""Recording the load of the machine while a run continues."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

import psutil

from apsi.monitoring.machine import gpus, workers_memory

log = logging.getLogger(__name__)


class SystemMonitor:
    """A thread that records the load of the machine; the step of these metrics is the time since the start, in s."""

    def __init__(self, record: Callable[[Mapping[str, float], int], None], seconds: float) -> None:
        """Stores what to do.

        Args:
            record: is called with the figures and their step, in the thread.
            seconds: time between two measurements.
        """
        self._record, self._seconds = record, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="apsi-system-metrics", daemon=True)
        self._process = psutil.Process()
        self.cpu_seconds = 0.0
        """spent in the thread"""

    def start(self) -> None:
        """Begins to record."""
        psutil.cpu_percent()  # the first call only sets the beginning of what the next one measures
        self._began = time.monotonic()
        self._thread.start()

    def close(self) -> None:
        """Takes the last sample."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(self._seconds)
            try:
                self._record(sample(self._process), int(time.monotonic() - self._began))
            except OSError as error:
                log.warning("System metrics are recorded no longer: %s", error)
                return
        self.cpu_seconds = time.thread_time()


def sample(process: psutil.Process) -> dict[str, float]:
    """The machine's load, under the names that MLflow's pages use."""
    memory = psutil.virtual_memory()
    values = {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_megabytes": memory.used / 1e6,
        "system/system_memory_usage_percentage": memory.percent,
        "system/process_memory_usage_megabytes": process.memory_info().rss / 1e6,
        "system/workers_memory_usage_megabytes": workers_memory(process) / 1e6,
    }
    for gpu in gpus():
        values[f"system/gpu_{gpu.index}_memory_usage_megabytes"] = gpu.used / 1e6
        values[f"system/gpu_{gpu.index}_memory_usage_percentage"] = 100 * gpu.used / gpu.total
        if gpu.utilisation is not None:
            values[f"system/gpu_{gpu.index}_utilization_percentage"] = 100 * gpu.utilisation
    return values
