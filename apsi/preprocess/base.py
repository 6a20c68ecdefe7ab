"""The contract of preprocess steps, and folders that exist whole or not at all."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from filelock import FileLock

from apsi.dataset.base import Dataset, Skipped
from apsi.degradation.base import Degradation
from apsi.juror.base import Juror
from apsi.juror.framed import FramedPhoto
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord, read_coco, write_coco
from apsi.photo.hash import value_hash
from apsi.preprocess.copies import Copy
from apsi.preprocess.engine.base import Engine
from apsi.preprocess.engine.local import Local

T = TypeVar("T")

SPLITS = ("train", "val", "test")
PREPARED_FOLDER, STEPS_FOLDER = "prepared", "steps"
"""Below `data_dir`"""
FORMAT = 1
"""Raised whenever prepared data of an older apsi can no longer be used."""


@dataclass(frozen=True)
class Context:
    """What one preprocess step passes to the next."""

    dataset: Dataset
    degradation: Degradation
    juror: Juror
    open_pool: Callable[[Juror], AbstractContextManager[Juror]]
    """wraps the juror into its worker pool for as long as a step scores"""
    data_dir: Path
    seed: int
    key: str = value_hash(FORMAT)
    """hash of everything that determined the outcome so far"""
    records: tuple[ImageRecord, ...] = ()
    images: tuple[Path, ...] = ()
    """file of each record, in the same order"""
    skipped: tuple[Skipped, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    """by reason, how many photos `dataset` was not to take"""
    copies: tuple[Copy, ...] = ()
    """photos that are copies of others"""
    whole_photos: bool = False
    """no crops and flips, whatever the data set says: for evaluation, not for training"""
    keep_all: bool = False
    """whether degraded photos that score no worse than their originals are kept"""
    first_view: Callable[[Photo], FramedPhoto] = FramedPhoto
    """what jurors get of a photo to which nothing was done"""
    shows: str = ""
    """what that depends on; empty: nothing"""
    prepared: Path | None = None
    """the finished folder, once there is one"""
    engine: Engine = field(default_factory=lambda: Local(None))
    """does the steps' work on single photos"""

    def then(self, *determined_by: object) -> Self:
        """The same context with a key that also depends on these values."""
        return replace(self, key=value_hash([self.key, *map(repr, determined_by)]))

    def seen(self) -> Self:
        """The same context with a key that also depends on what jurors get of a photo."""
        return self.then(self.shows) if self.shows else self

    def folder(self, step: str) -> Path:
        """Where a step of this name keeps its outcome."""
        return self.data_dir / STEPS_FOLDER / f"{step}-{self.key}"


class Step(ABC):
    """One preprocess step: idempotent, a frozen dataclass whose `repr` is part of its outcome's key."""

    def require_fitting(self, dataset: Dataset, by_truth: bool) -> None:  # noqa: B027 - most fit anything
        """Refuses, before any photo is read, what it would make no sense with.

        Args:
            dataset: that is prepared.
            by_truth: whether agents are measured by their distance to the true photos.

        Raises:
            ApsiError: with what would do instead.
        """

    @abstractmethod
    def run(self, context: Context) -> Context:
        """Runs the step, or finds its earlier outcome.

        Raises:
            ApsiError: it can't be done; nothing half-made is left under the final name.
        """


def build_once(target: Path, build: Callable[[Path], None]) -> None:
    """Makes the folder `target` by `build(folder)` unless it is there; it appears whole or not at all.

    What a killed build had written is still there when `build` runs again, which may use it. Processes that want the
    same folder wait. An existing folder is marked with the time of its latest use.
    """
    if _is_there(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if _is_there(target):
            return
        partial = target.with_name(f".{target.name}.partial")
        partial.mkdir(exist_ok=True)
        for stray in partial.rglob(".*.tmp"):  # left by a write that was killed
            stray.unlink()
        build(partial)
        partial.rename(target)


def _is_there(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    with suppress(OSError):  # it may be another user's
        os.utime(folder)  # so that task=clean knows what is still in use
    return True


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive lists of at most `size` items, each taken when it is asked for."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def save_records(folder: Path, records: Iterable[ImageRecord]) -> None:
    """Writes a step's records beside its images."""
    write_coco(folder / "photos.json", list(records), {})


def load_records(folder: Path) -> tuple[ImageRecord, ...]:
    """Reads what `save_records` wrote."""
    return tuple(read_coco(folder / "photos.json")[0])
