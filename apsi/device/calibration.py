"""How photos go through a model fastest on this machine, without a photo's score depending on its batch.

A network's rounding depends on the shape of its input, and with some shapes on the row in which a photo stands. Only
shapes for which this was measured to be otherwise are used, and they are always filled up. A single CPU thread decides
about them, so that a worker of a pool and the main process find the same ones.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt
from pydantic import PositiveInt

log = logging.getLogger(__name__)

Outputs: TypeAlias = npt.NDArray[Any]

SECONDS = 1.5
"""Limit for finding shapes; a third of it for finding the rest; a model that needs longer for one photo is measured
once"""
COMPARED = 8
"""Photos per shape that are compared, at least"""
NEARLY = 1.03
"""A smaller batch is preferred where the best is faster by no more than this factor: less of it is filled up"""
HOPELESS = 1.25
"""A memory format that is slower than the best by this factor is not tried with larger batches"""


@dataclass(frozen=True)
class Setting:
    """How photos go through a model."""

    shapes: tuple[PositiveInt, ...]
    """photos a pass, rising: a pass is filled up to the smallest that holds it; all give a photo the same output"""
    channels_last: bool = False
    threads: PositiveInt = 1
    """of one pass"""
    workers: PositiveInt = 1
    """passes in parallel"""
    graph: bool = False
    """passes are replayed as CUDA graphs"""

    @property
    def batch(self) -> int:
        """Photos of a full pass."""
        return self.shapes[-1]

    def rows(self, photos: int) -> int:
        """The shape of a pass that holds so many photos."""
        return next(shape for shape in self.shapes if shape >= photos)

    def split(self, photos: int) -> Iterator[slice]:
        """Passes over so many photos: as large as is best, but all workers have something to do."""
        share = self.rows(min(self.batch, -(-photos // self.workers))) if photos else 1
        return (slice(start, min(start + share, photos)) for start in range(0, photos, share))

    def __str__(self) -> str:
        layout = ", channels last" if self.channels_last else ""
        graph = ", CUDA graphs" if self.graph else ""
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"batches of {self.batch}{layout}{graph}, {self.workers} x {threads}"


class Trial(Protocol):
    """A model to measure."""

    def __call__(self, setting: Setting, first: int) -> Outputs:
        """Sends `setting.workers` full batches of test photos through the model, side by side.

        Args:
            setting: with one shape.
            first: the number of the test photo that stands in the first row; the others follow by number.

        Returns:
            The outputs of one of the batches, `(batch, ...)`, all that scores are made from.
        """


@dataclass
class _Try:
    setting: Setting
    outputs: dict[int, bytes]
    """of test photos by their numbers"""
    seconds: float
    """a photo"""
    is_even: bool
    """whether the output does not depend on the row"""

    def agrees(self, other: "_Try") -> bool:
        """Whether photos that are in both have the same output."""
        return all(self.outputs[i] == other.outputs[i] for i in self.outputs.keys() & other.outputs.keys())


def find_shapes(
    trial: Trial,
    sizes: Sequence[int],
    formats: Sequence[bool],
    fixed: int | None = None,
    *,
    by_processor_time: bool = False,
) -> Setting:
    """The fastest batch and memory format of a model on one thread.

    Args:
        trial: the model.
        sizes: of batches, rising.
        formats: whether channels come last: what may be chosen from.
        fixed: a batch size that is given; smaller ones may only fill the last batch.
        by_processor_time: count what this process computes instead of what passes, so that other jobs on this machine
            don't decide; for a model that runs on one thread.
    """
    now = time.process_time if by_processor_time else time.perf_counter
    deadline, tries, left = now() + SECONDS, list[_Try](), list(formats)
    failures: dict[int, Exception] = {}
    for size in [s for s in sizes if fixed is None or s < fixed] + ([] if fixed is None else [fixed]):
        for channels_last in list(left):
            expected = 2 * size * min((t.seconds for t in tries), default=0.0)
            if tries and now() + expected > deadline and size != fixed:
                continue
            setting = Setting((size,), channels_last)
            try:
                tries.append(_try(trial, setting, deadline, now))
            except Exception as error:  # memory, or a model made for one photo, or for another number of them
                failures[size] = error
                if any(t.setting.channels_last == channels_last for t in tries):
                    left.remove(channels_last)
                continue
            best = min(t.seconds for t in tries)
            if tries[-1].seconds > HOPELESS * best and fixed is None:
                left.remove(channels_last)
    if not tries:
        raise next(iter(failures.values()))
    for size, failure in failures.items():
        level = (
            logging.WARNING if size == fixed else logging.INFO
        )  # a batch size that the user set is not dropped silently
        log.log(level, "Batches of %d do not work: %s", size, failure)
    chosen = _fastest([t for t in tries if t.setting.batch == fixed] or [t for t in tries if t.is_even] or tries)
    if not chosen.is_even:
        log.warning(
            "With batch_size=%s the last digits of a score depend on the batch; batch_size=auto avoids it",
            chosen.setting.batch,
        )
    return replace(chosen.setting, shapes=(*_same(chosen, tries), chosen.setting.batch))


def find_parallel(trial: Trial, setting: Setting, options: Sequence[tuple[int, int]]) -> Setting:
    """How many threads and passes in parallel are fastest, of those with the same output.

    Args:
        trial: the model.
        setting: what `find_shapes` found.
        options: threads and workers to choose from, besides one of each.
    """
    deadline = time.perf_counter() + SECONDS / 3
    one = _try(trial, replace(setting, shapes=(setting.batch,)), deadline, time.perf_counter)
    tries = [one]
    for threads, workers in options:
        if time.perf_counter() + 2 * workers / threads * one.seconds * setting.batch > deadline and len(tries) > 1:
            break
        tried = _try(trial, replace(one.setting, threads=threads, workers=workers), deadline, time.perf_counter)
        if tried.is_even >= one.is_even and tried.agrees(one):
            tries.append(tried)
    best = min(tries, key=lambda t: t.seconds).setting
    return replace(setting, threads=best.threads, workers=best.workers)


def find_graph(trial: Trial, setting: Setting) -> Setting:
    """Whether CUDA graphs are faster and give the same output."""
    deadline = time.perf_counter() + SECONDS / 3
    plain = _try(trial, replace(setting, shapes=(setting.batch,)), deadline, time.perf_counter)
    try:
        graph = _try(trial, replace(plain.setting, graph=True), deadline, time.perf_counter)
    except RuntimeError as error:  # not every network can be captured
        log.info("No CUDA graphs: %s", error)
        return setting
    pays = graph.agrees(plain) and NEARLY * graph.seconds < plain.seconds
    return replace(setting, graph=pays)


def _try(trial: Trial, setting: Setting, deadline: float, now: Callable[[], float]) -> _Try:
    """A few passes, each with the photos a row further; the fastest counts."""
    times, outputs, is_even = list[float](), dict[int, bytes](), True
    while len(times) < max(2, COMPARED // setting.batch):
        first, began = len(times), now()
        got = trial(setting, first)
        times.append(now() - began)
        for row, output in enumerate(got):
            is_even &= outputs.setdefault(first + row, output.tobytes()) == output.tobytes()
        if now() + times[-1] > deadline and (len(times) > 1 or setting.batch == 1):
            break
    return _Try(setting, outputs, min(times) / (setting.batch * setting.workers), is_even)


def _fastest(tries: Sequence[_Try]) -> _Try:
    limit = NEARLY * min(t.seconds for t in tries)
    return min((t for t in tries if t.seconds <= limit), key=lambda t: t.setting.batch)


def _same(chosen: _Try, tries: Sequence[_Try]) -> list[int]:
    """Smaller batches of the same memory format in which a photo has the same output."""
    alike = [t for t in tries if t.is_even and t.setting.channels_last == chosen.setting.channels_last]
    smaller = [t for t in alike if t.setting.batch < chosen.setting.batch]
    return [t.setting.batch for t in smaller if t.agrees(chosen)]
