"""What process and machine are busy with, asked at the moment it is read."""

import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from apsi import __version__


@dataclass(frozen=True)
class Gpu:
    """One GPU that this process uses."""

    index: int
    used: int
    """bytes of its memory, of all processes"""
    total: int
    utilisation: float | None
    """share of the time in which it worked; None without the package that tells"""


def gpus() -> list[Gpu]:
    """The GPUs, once this process has begun to use CUDA; asking makes it use none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    found = []
    for i in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(i)
        utilisation = torch.cuda.utilization(i) / 100 if find_spec("pynvml") is not None else None
        found.append(Gpu(i, total - free, total, utilisation))
    return found


def workers_memory(process: psutil.Process) -> int:
    """Resident memory in bytes of the processes that this one has started."""
    total = 0
    for child in process.children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            total += child.memory_info().rss
    return total


class Machine(Collector):
    """Memory, load, room on disks and GPUs, as metrics.

    Args:
        places: folders by name, of whose disks the room is told.
    """

    def __init__(self, places: dict[str, Path]) -> None:
        self._places, self._process = places, psutil.Process()
        psutil.cpu_percent()  # the first call only sets the beginning of what the next one measures

    def describe(self) -> list[GaugeMetricFamily]:
        """Prometheus': nothing is measured when this is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
        build = {"version": __version__, "python": platform.python_version()}
        torch = sys.modules.get("torch")
        if torch is not None:
            build["torch"] = str(torch.__version__)
        yield InfoMetricFamily("apsi_build", "What runs here", build)
        memory = psutil.virtual_memory()
        own = GaugeMetricFamily(
            "apsi_process_memory_bytes", "Resident memory: of this process, of those it started", labels=["process"]
        )
        own.add_metric(["main"], self._process.memory_info().rss)
        own.add_metric(["workers"], workers_memory(self._process))
        yield own
        yield GaugeMetricFamily("apsi_machine_cpu_ratio", "Load of all cores, 0 to 1", psutil.cpu_percent() / 100)
        yield GaugeMetricFamily("apsi_machine_memory_used_bytes", "Memory in use", memory.total - memory.available)
        yield GaugeMetricFamily("apsi_machine_memory_total_bytes", "Memory there is", memory.total)
        room = GaugeMetricFamily("apsi_disk_free_bytes", "Room on the disk of a folder", labels=["place"])
        for name, path in self._places.items():
            room.add_metric([name], psutil.disk_usage(str(_existing(path))).free)
        yield room
        yield from _gpu_families()


def _gpu_families() -> Iterator[GaugeMetricFamily]:
    used = GaugeMetricFamily("apsi_gpu_memory_used_bytes", "Memory of a GPU in use", labels=["gpu"])
    total = GaugeMetricFamily("apsi_gpu_memory_total_bytes", "Memory of a GPU", labels=["gpu"])
    utilisation = GaugeMetricFamily("apsi_gpu_utilisation_ratio", "Share of the time a GPU worked", labels=["gpu"])
    for gpu in gpus():
        used.add_metric([str(gpu.index)], gpu.used)
        total.add_metric([str(gpu.index)], gpu.total)
        if gpu.utilisation is not None:
            utilisation.add_metric([str(gpu.index)], gpu.utilisation)
    yield from (used, total, utilisation)


def _existing(path: Path) -> Path:
    """The folder, or the closest one above it that is there."""
    path = path.expanduser().resolve()
    return next(folder for folder in (path, *path.parents) if folder.exists())
