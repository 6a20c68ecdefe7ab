"""The contract of preprocess steps, and folders that exist whole or not at all."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar

from filelock import FileLock

from apsi.console import track
from apsi.dataset.base import Dataset, Skipped
from apsi.degradation.base import Degradation
from apsi.juror.base import Juror
from apsi.photo.coco import ImageRecord, read_coco, write_coco
from apsi.photo.hash import value_hash

T = TypeVar("T")
R = TypeVar("R")

SPLITS = ("train", "val", "test")
FORMAT = 1
"""Raised whenever prepared data of an older apsi can no longer be used."""


@dataclass(frozen=True)
class Context:
    """What one preprocess step hands to the next."""

    dataset: Dataset
    degradation: Degradation
    juror: Juror
    open_pool: Callable[[Juror], AbstractContextManager[Juror]]
    """wraps the juror into its worker pool for as long as a step scores"""
    data_dir: Path
    seed: int
    key: str = value_hash(FORMAT)
    """hash of all that determined the outcome so far"""
    records: tuple[ImageRecord, ...] = ()
    images: tuple[Path, ...] = ()
    """file of each record, in the same order"""
    skipped: tuple[Skipped, ...] = ()
    whole_photos: bool = False
    """no crops and flips, whatever the data set says: for looking at photos, not for learning from them"""
    prepared: Path | None = None
    """the finished folder, once there is one"""

    def then(self, *determined_by: object) -> Self:
        """The same context with a key that also depends on these values."""
        return replace(self, key=value_hash([self.key, *map(repr, determined_by)]))

    def folder(self, step: str) -> Path:
        """Where a step of this name keeps its outcome."""
        return self.data_dir / "steps" / f"{step}-{self.key}"


class Step(ABC):
    """One preprocess step: idempotent, a frozen dataclass whose `repr` is part of its outcome's key."""

    @abstractmethod
    def run(self, context: Context) -> Context:
        """Does the step, or finds it done.

        Raises:
            ApsiError: it can't be done; nothing half-made is left under the final name.
        """


def build_once(target: Path, build: Callable[[Path], None]) -> None:
    """Makes the folder `target` by `build(folder)` unless it is there; it appears whole or not at all.

    What a killed build had written is still there when `build` runs again, which may use it. Processes that want the
    same folder wait.
    """
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.is_dir():
            return
        partial = target.with_name(f".{target.name}.partial")
        partial.mkdir(exist_ok=True)
        for stray in partial.rglob(".*.tmp"):  # left by a write that was killed
            stray.unlink()
        build(partial)
        partial.rename(target)


def parallel(function: Callable[[T], R], items: Sequence[T], description: str) -> list[R]:
    """`[function(item) for item in items]` on all cores with a progress bar; the first error ends it."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(track(pool.map(function, items), description, len(items)))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive slices of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def save_records(folder: Path, records: Iterable[ImageRecord]) -> None:
    """Writes a step's records beside its images."""
    write_coco(folder / "photos.json", list(records), {})


def load_records(folder: Path) -> tuple[ImageRecord, ...]:
    """Reads what `save_records` wrote."""
    return tuple(read_coco(folder / "photos.json")[0])
