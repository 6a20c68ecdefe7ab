"""Prepared data below `data_dir`, and remembered scores."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from apsi.clean.entry import PARTIAL, PREPARED, SCORES, STEP, Entry, folders_in, is_held, latest_change
from apsi.juror.cache import SCORES_FILE
from apsi.preprocess.base import PREPARED_FOLDER, SPLITS, STEPS_FOLDER
from apsi.tracking.run_folder import RUNNING

_WHOLE, _UNFINISHED = "whole", "cut off"
_HASHED = re.compile(r"[\w-]*-[0-9a-f]{12}")
_MADE_BY_STEPS = ("photos.json", "annotations.json", "juror.npz", "near_duplicates.csv")


def find_data(data_dir: Path) -> Iterator[Entry]:
    """Prepared data sets, the outcomes of single steps, and what was left of those that were not finished.

    A folder counts where its name ends with apsi's hash and it holds what apsi writes; no symbolic link is followed.
    """
    for path in folders_in(data_dir / PREPARED_FOLDER):
        if _HASHED.fullmatch(path.name) and all((path / split / "annotations.json").is_file() for split in SPLITS):
            yield Entry(PREPARED, path, _WHOLE, _last_used(path), lock=_lock(path))
    for path in folders_in(data_dir / STEPS_FOLDER):
        if _HASHED.fullmatch(path.name) and any((path / name).is_file() for name in _MADE_BY_STEPS):
            yield Entry(STEP, path, _WHOLE, _last_used(path), lock=_lock(path))
    for parent in (data_dir / PREPARED_FOLDER, data_dir / STEPS_FOLDER):
        for path in sorted(parent.glob(".*.partial")):
            name = path.name.removeprefix(".").removesuffix(".partial")
            if path.is_dir() and not path.is_symlink() and _HASHED.fullmatch(name):
                lock = _lock(path.with_name(name))
                yield Entry(PARTIAL, path, RUNNING if is_held(lock) else _UNFINISHED, latest_change(path), lock=lock)


def find_scores(folder: Path) -> Iterator[Entry]:
    """The scores that jurors gave earlier, in a `score_cache_dir`."""
    path = folder / SCORES_FILE
    if path.is_file() and not path.is_symlink():
        yield Entry(SCORES, path, _WHOLE, latest_change(path))


def _last_used(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)  # see `build_once`


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")
