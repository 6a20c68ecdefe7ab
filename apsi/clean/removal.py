"""Removing so that a folder is there whole or not at all, also after a kill."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import chain, count
from pathlib import Path

from filelock import FileLock, Timeout

from apsi.clean.entry import REMAINS, RUNS, TRASH, Entry
from apsi.clean.runs import MODELS, is_at_work
from apsi.tracking.mlflow_store import DATABASE, MlflowStore


def remove(entry: Entry, output_dir: Path) -> bool:
    """Removes an entry and what the local MLflow holds of it; False where it has come to be in use, or is gone.

    A folder is renamed first, in one go, to where nobody looks for it, then its record is marked as deleted, then
    everything is deleted. What a kill leaves of that is found by `find_remains`.

    Raises:
        ApsiError: MLflow's database can't be used.
        OSError: it may not be removed.
    """
    with _unused(entry) as is_unused:
        if not is_unused:
            return False
        aside = entry.path if entry.kind == REMAINS else _put_aside(entry.path)
    _forget(entry, output_dir)
    _delete(aside)
    with suppress(OSError):  # others are in it
        aside.parent.rmdir()
    return True


@contextmanager
def _unused(entry: Entry) -> Iterator[bool]:
    """Keeps others from beginning to use it, if nobody does."""
    if not entry.path.exists():
        yield False
        return
    try:
        with FileLock(entry.lock, timeout=0) if entry.lock else nullcontext():
            yield not (entry.kind in RUNS and is_at_work(entry.path))
    except Timeout:
        yield False


def _put_aside(path: Path) -> Path:
    trash = path.parent / TRASH
    trash.mkdir(exist_ok=True)
    names = chain([path.name], (f"{path.name}-{number}" for number in count(2)))
    aside = next(place for place in (trash / name for name in names) if not place.exists())
    return path.rename(aside)


def _forget(entry: Entry, output_dir: Path) -> None:
    """Marks what is in the local database as deleted and deletes its files; other servers keep what they have."""
    if not (output_dir / DATABASE).is_file():
        return
    store = MlflowStore(None, output_dir)
    for record in (record for record in entry.records if record.is_local):
        store.delete(record.run_id, [place.name for place in record.artifacts if place.parent.name == MODELS])
        for place in record.artifacts:
            _delete(place)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        with suppress(FileNotFoundError):  # another one is faster
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
