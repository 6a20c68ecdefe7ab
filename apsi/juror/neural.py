"""What all neural jurors share: batches that don't change scores, a model that is loaded when it is first needed."""

import logging
import os
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from apsi.device.calibration import Outputs, Setting, find_parallel, find_shapes
from apsi.device.remember import remembered
from apsi.errors import ApsiError
from apsi.juror.base import Juror, require_scores
from apsi.juror.mapping import Mapping
from apsi.photo import Floats, Photo
from apsi.photo.resample import resample
from apsi.types import BatchSize, MemoryFormat

log = logging.getLogger(__name__)

SIZES = (1, 2, 4, 8, 16, 32)
TOLERANCE = 1e-4
"""Of scores in float32. Measured: batch sizes, memory formats and numbers of threads moved the scores of torchvision's
ResNet-18, MobileNetV2 and EfficientNet-B0 by up to 3.1e-5"""


class NeuralJuror(Juror):
    """Scores in passes of a fixed number of photos, filled up, so that a score does not depend on the batch.

    The number is measured by `warm_up`, with the memory format, threads, and passes in parallel, and remembered. A
    pass that does not fit into memory is halved for good.

    Args:
        mapping: from the model's scale to 0..10.
        batch_size: photos a pass; `auto`: what is fastest here.
        memory_format: of the model and its input; `auto`: what is fastest here.
    """

    _LOADED: tuple[str, ...] = ("model",)
    """Attributes that are not pickled with a juror, but rebuilt in the other process."""

    def __init__(self, mapping: Mapping, batch_size: BatchSize, memory_format: MemoryFormat = "contiguous") -> None:
        self.mapping = mapping
        self.batch_size, self.memory_format = batch_size, memory_format
        self._setting: Setting | None = None
        self._threads: tuple[tuple[int, int], ThreadPoolExecutor] | None = None

    @property
    @abstractmethod
    def model(self) -> Any:
        """The model, loaded when it is first asked for."""

    @abstractmethod
    def outputs(self, photos: Sequence[Photo], setting: Setting) -> Outputs:
        """One pass: the model's outputs `(rows, ...)`, of which the first are those of the photos."""

    def describe(self) -> list[str]:
        """Sentences on what the model's file documents."""
        return []

    @abstractmethod
    def read(self, outputs: Outputs) -> Floats:
        """Values `(rows,)` `float64` on the model's own scale."""

    @abstractmethod
    def backend(self) -> dict[str, object]:
        """What runs the model, and in which version."""

    @property
    def sizes(self) -> Sequence[int]:
        """Photos a pass to choose from."""
        return SIZES

    @property
    def tolerance(self) -> float:
        return TOLERANCE

    @property
    def setting(self) -> Setting:
        """How photos go through the model here."""
        if self._setting is None:
            try:
                self._setting = self._calibrate()
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                raise self._no_memory(error) from error
            finally:
                _test_photo.cache_clear()
        return self._setting

    @setting.setter
    def setting(self, setting: Setting) -> None:
        self._setting = setting

    def warm_up(self) -> None:
        _ = self.model, self.setting

    def score(self, photos: Sequence[Photo]) -> Floats:
        return require_scores(self.mapping(self.native(photos)), self)

    def native(self, photos: Sequence[Photo]) -> Floats:
        """Scores `(N,)` on the model's own scale."""
        return self.through(photos, self.read)

    def through(self, photos: Sequence[Photo], read: Callable[[Outputs], Floats]) -> Floats:
        """What `read` makes of the model's outputs for N photos: `(N, ...)`."""
        if not photos:
            return np.empty(0)
        _ = self.model  # in this thread, and not inside a pass
        while True:
            setting = self.setting
            try:
                return np.concatenate(
                    self._side_by_side([photos[part] for part in setting.split(len(photos))], setting, read)
                )
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                if setting.batch == 1 and setting.workers == 1:
                    raise self._no_memory(error) from error
                half = max(1, setting.batch // 2)
                shapes = tuple(shape for shape in setting.shapes if shape <= half) or (half,)
                self.setting = replace(setting, shapes=shapes, workers=1)
                log.warning("Juror %s continues with batches of %d: %s", self.fingerprint, shapes[-1], error)

    def _no_memory(self, error: Exception) -> ApsiError:
        return ApsiError(f"juror {self.fingerprint} has no memory for even one photo: {error}")

    @property
    @abstractmethod
    def is_on_cpu(self) -> bool:
        """Whether the model runs on the processor."""

    def options(self) -> list[tuple[int, int]]:
        """Threads of a pass and passes in parallel that may be chosen instead of one of each."""
        return []

    def _side_by_side(
        self, batches: Sequence[Sequence[Photo]], setting: Setting, read: Callable[[Outputs], Floats]
    ) -> list[Floats]:
        def one(batch: Sequence[Photo]) -> Floats:
            return read(self.outputs(batch, setting))[: len(batch)]

        self._adopt(setting)
        if setting.workers == 1 and self._runs_here(setting.threads):
            return [one(batch) for batch in batches]
        kind = (setting.workers, setting.threads)
        if self._threads is None or self._threads[0] != kind:
            if self._threads is not None:
                self._threads[1].shutdown()
            self._threads = (kind, self._start_threads(*kind))
        return list(self._threads[1].map(one, batches))

    def _adopt(self, setting: Setting) -> None:
        """Brings the model into the form that the setting asks for."""

    def _runs_here(self, threads: int) -> bool:
        """Whether a pass in the calling thread has this number of threads."""
        return True

    def _begin_thread(self, threads: int) -> None:
        """Called in a thread that is to run passes with so many threads."""

    def _start_threads(self, workers: int, threads: int) -> ThreadPoolExecutor:
        all_here = threading.Barrier(workers)
        executor = ThreadPoolExecutor(workers, "apsi-juror", self._begin_thread, (threads,))
        list(executor.map(lambda _: all_here.wait(), range(workers)))
        return executor

    def _calibrate(self) -> Setting:
        _ = self.model
        began = time.monotonic()
        fixed = None if self.batch_size == "auto" else int(self.batch_size)
        formats = [False, True] if self.memory_format == "auto" else [self.memory_format == "channels_last"]
        about = {"model": self.fingerprint, "batch": fixed, "formats": formats, "sizes": self.sizes, **self.backend()}
        setting, is_known = remembered(about, lambda: self.find_setting(formats, fixed))
        if options := self.options():
            about |= {"setting": str(setting), "options": options}
            setting, is_known = remembered(about, lambda: find_parallel(self._trial, setting, options))
        how = "remembered" if is_known else f"measured in {time.monotonic() - began:.1f} s"
        log.info("Juror %s: %s (%s)", self.fingerprint, setting, how)
        return setting

    def find_setting(self, formats: Sequence[bool], fixed: int | None) -> Setting:
        """Shape and memory format of a pass."""
        return find_shapes(self._trial, self.sizes, formats, fixed, by_processor_time=self.is_on_cpu)

    def _trial(self, setting: Setting, first: int) -> Outputs:
        photos = [_test_photo(first + row) for row in range(setting.batch)]
        return self._side_by_side([photos] * setting.workers, setting, self._all_outputs)[0]

    def _all_outputs(self, outputs: Outputs) -> Floats:
        """What a score is made from, and what is made of it, `(rows, ...)`."""
        raw = np.asarray(outputs, dtype=np.float64)
        return np.column_stack([raw.reshape(len(raw), -1), self.read(outputs)])

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in self.__dict__.items() if name not in self._LOADED}
        return kept | {"_setting": None, "_threads": None}


def cores(limit: int | None = None) -> int:
    """Cores that a juror in this process may use: the worker's share, where it is in a pool."""
    have = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count for count in (limit, int(os.environ.get("OMP_NUM_THREADS") or 0), have) if count)


def ways_to_share(count: int) -> list[tuple[int, int]]:
    """Threads and passes in parallel that use so many cores."""
    if count == 1:
        return []
    ways = [(1, count), (count, 1)]
    return ways if count < 4 else [*ways, (2, count // 2), (count // 2, 2)]


def require_weights(path: str | None, key: str, remedy: str) -> Path:
    """The file that a configuration names.

    Raises:
        ApsiError: none is named, or it isn't there; never a model with random weights instead.
    """
    if path is None:
        raise ApsiError(f"{key} is not set: a juror without trained weights can't score. {remedy}")
    found = Path(path).expanduser()
    if not found.is_file():
        raise ApsiError(f"{key}={path} is not a file. {remedy}")
    return found


@cache
def _test_photo(number: int) -> Photo:
    """A synthetic photo of coloured blotches, 256 x 256, determined by its number."""
    colours = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    return resample(colours, 256, 256)


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    text = str(error).lower()  # ONNX Runtime and MPS have no class of their own for it
    told = ("out of memory", "failed to allocate memory", "not enough memory", "bad allocation")
    return isinstance(error, MemoryError) or any(words in text for words in told)
