"""The runs, multiruns and searches below `output_dir`."""

import filecmp
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from apsi.agent.checkpoint import STATE
from apsi.clean.entry import MULTIRUN, REMAINS, RUN, SEARCH, TRASH, Entry, Record, folders_in, is_held, latest_change
from apsi.errors import ApsiError
from apsi.preprocess.base import PREPARED_FOLDER
from apsi.tracking.journal import Journal, journals_below
from apsi.tracking.mlflow_store import ARTIFACTS, DATABASE
from apsi.tracking.run_folder import (
    CONTINUED,
    ELSEWHERE,
    FAILED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    MISSED,
    PRUNED,
    RUNNING,
    RunFolder,
)

MODELS = "models"
"""MLflow's folder of models among its artifacts"""
_A_RUN_ID = re.compile(r"[0-9a-f]{32}")
_FAST_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ORDER = (RUNNING, ELSEWHERE, FAILED, KILLED, INTERRUPTED, MISSED, PRUNED, CONTINUED, FINISHED)
"""Several runs together are in the first of these states that one of them is in"""


def find_runs(output_dir: Path, without: Path, data_dir: Path) -> Iterator[Entry]:
    """All of them, as apsi lays them out: `<output_dir>/<task>/<run>`, those of a multirun or a search together.

    A folder counts where it holds apsi's own record; no symbolic link is followed.

    Args:
        output_dir: resolved.
        without: folder of the run that asks.
        data_dir: where its prepared data lies, resolved.
    """
    for task in folders_in(output_dir):
        for path in folders_in(task):
            if path == without:
                continue
            if _is_run(path):
                yield _one(path, task.name, output_dir, data_dir)
            elif _is_of_many(path) and (members := [run for run in folders_in(path) if _is_run(run)]):
                yield _several(path, task.name, members, output_dir, data_dir)


def find_remains(parents: Iterable[Path], output_dir: Path) -> Iterator[Entry]:
    """What removals that were cut off have left to be deleted."""
    for trash in (parent / TRASH for parent in parents):
        for path in [] if trash.is_symlink() else folders_in(trash):
            journals = [journal.run_folder for journal in journals_below(path)]
            yield Entry(REMAINS, path, "cut off", latest_change(path), records=tuple(records_of(journals, output_dir)))


def is_at_work(path: Path) -> bool:
    """Whether a run, or one of a multirun, is."""
    return any(state_of(run) == RUNNING for run in (path, *folders_in(path)))


def state_of(path: Path) -> str:
    """One of `STATES`; a run whose record is still being sent is at work."""
    state = RunFolder(path).state()
    return RUNNING if state and is_held(Journal(path).lock) else state


def _is_run(path: Path) -> bool:
    folder = RunFolder(path)
    return bool(folder.state()) and ("process" in folder.record() or (path / "overrides.yaml").is_file())


def _is_of_many(path: Path) -> bool:
    """Whether Hydra made it for a multirun, or apsi for a search."""
    return any((path / name).exists() for name in ("multirun.yaml", "trials.csv", "records"))


def _one(path: Path, group: str, output_dir: Path, data_dir: Path) -> Entry:
    folder = RunFolder(path)
    record = folder.record()
    summary, training = _json(path / "summary.json"), _training_state(folder)
    dataset = str(summary.get("dataset") or training.get("dataset") or "")
    used = set(record.get("prepared", [])) or {str(data_dir / PREPARED_FOLDER / dataset)}
    if "results" in record:
        used.add(str(Path(record["results"]).resolve()))  # in the folder of the run that this one continued
    parts = [part for part in folders_in(path) if _is_run(part)]  # such as the folds of a cross-validation
    return Entry(
        RUN,
        path,
        state_of(path),
        _ended(path, record),
        group=group,
        figure=_figure(summary, training),
        judged_on=dataset,
        uses=frozenset(used | set(_named(path / "config.yaml"))),
        records=tuple(records_of([path, *parts], output_dir)),
        lock=path / ".lock",
    )


def _several(path: Path, group: str, members: Sequence[Path], output_dir: Path, data_dir: Path) -> Entry:
    runs = [_one(run, group, output_dir, data_dir) for run in members]
    recording = [*folders_in(path / "records")]  # of the search itself, one a process that takes part
    states = {run.state for run in runs}
    if any(is_held(Journal(record).lock) for record in recording):
        states.add(RUNNING)
    best = max(runs, key=lambda run: run.figure)
    return Entry(
        SEARCH if recording or (path / "trials.csv").is_file() else MULTIRUN,
        path,
        min(states, key=_ORDER.index),
        max(run.at for run in runs),
        group=group,
        figure=best.figure,
        judged_on=best.judged_on,
        uses=frozenset(chain.from_iterable(run.uses for run in runs)),
        records=(*chain.from_iterable(run.records for run in runs), *records_of(recording, output_dir)),
    )


def _ended(path: Path, record: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(record["ended"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return latest_change(path)


def _figure(summary: dict[str, Any], training: dict[str, Any]) -> tuple[float, ...]:
    """Success and gain where it was evaluated, else the best look at the validation split."""
    with suppress(KeyError, TypeError, ValueError, StopIteration):
        policies = summary["policies"]
        figures = policies.get("agent") or next(iter(policies.values()))
        return float(figures["success_rate"]), float(figures["mean_gain"])
    best = training.get("best")
    return (float(best),) if isinstance(best, int | float) else ()


def _training_state(folder: RunFolder) -> dict[str, Any]:
    for path in (folder.last_checkpoint, folder.best_checkpoint):
        with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            state = json.loads(archive.read(STATE))
            return state if isinstance(state, dict) else {}
    return {}


def _named(config: Path) -> Iterator[str]:
    """The paths and ids of runs that a configuration names."""
    try:
        content = yaml.load(config.read_text(encoding="utf-8"), _FAST_YAML)
    except (OSError, ValueError, yaml.YAMLError):
        return
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and _A_RUN_ID.fullmatch(value):
            yield value
        elif isinstance(value, str) and "/" in value and "\n" not in value:
            with suppress(OSError, RuntimeError, ValueError):
                yield str(Path(value).expanduser().resolve())


def records_of(folders: Iterable[Path], output_dir: Path) -> Iterator[Record]:
    """Where the runs in these folders are recorded, with what MLflow holds of each below `output_dir`."""
    artifacts = output_dir / ARTIFACTS
    for folder in folders:
        journal = Journal(folder)
        try:
            header = journal.header
        except ApsiError:  # none, or none that says where it went
            continue
        found = []
        if _A_RUN_ID.fullmatch(header.run_id):
            description = folder / "tracking" / "model" / "MLmodel"
            models = [path for path in folders_in(artifacts / MODELS) if _is_same(path, description)]
            found = [path for path in (artifacts / header.run_id, *models) if path.is_dir() and not path.is_symlink()]
        is_local = bool(found) or header.uri == f"sqlite:///{output_dir / DATABASE}"
        yield Record(header.uri, header.run_id, tuple(found), is_local, _is_sent(journal))


def _is_sent(journal: Journal) -> bool:
    try:
        return not journal.waits()
    except (ApsiError, OSError):  # damaged
        return False


def _is_same(model: Path, description: Path) -> bool:
    """Whether MLflow's folder of a model holds the one with this description: each has an id of its own."""
    its_own = model / "artifacts" / description.name
    try:
        return its_own.samefile(description) or filecmp.cmp(its_own, description, shallow=False)
    except OSError:
        return False


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
