"""Which of what was found is to be removed, and why the rest stays."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.filesize import decimal

from apsi.clean.entry import PREPARED, REMAINS, RUNS, Entry
from apsi.tracking.run_folder import RUNNING

AT_WORK = "at work"
_A_RUN_IS = "a run is at work, which may need it"


@dataclass(frozen=True)
class Rules:
    """What may be removed; each narrows it."""

    kinds: frozenset[str]
    older_than: timedelta
    """since a run ended, or data was used last"""
    larger_than: int
    """bytes on the disk"""
    states: frozenset[str]
    """of runs"""
    keep_last: int
    """the latest so many runs of each task stay"""
    keep_best: int
    """so many runs with the best agents stay, of each task on each data set"""
    in_use: bool
    """also what runs that stay refer to"""


def why_they_stay(entries: Sequence[Entry], rules: Rules, now: datetime) -> dict[Path, str]:
    """The reason for each entry that is not to be removed.

    What is at work stays, and so does all data while a run is at work, whatever the rules.
    """
    kept = {entry.path: reason for entry in entries if (reason := _not_chosen(entry, rules, now))}
    runs = [entry for entry in entries if entry.kind in RUNS]
    if any(run.state == RUNNING for run in runs):
        kept |= {e.path: _A_RUN_IS for e in entries if e.kind not in (*RUNS, REMAINS) and e.path not in kept}
    kept = _last_and_best(runs, rules) | kept
    return _with_what_is_used(entries, kept, rules)


def users_of(entry: Entry, runs: Iterable[Entry]) -> list[Entry]:
    """The runs that refer to an entry: to its folder, what is in it, or its id in MLflow."""
    ids = {record.run_id for record in entry.records}
    return [
        run
        for run in runs
        if run is not entry and any(used in ids or Path(used).is_relative_to(entry.path) for used in run.uses)
    ]


def _not_chosen(entry: Entry, rules: Rules, now: datetime) -> str:
    """What speaks against removing an entry, looked at by itself; empty where nothing does."""
    if entry.kind == REMAINS:
        return ""
    unsent = any(not record.is_local and not record.is_sent for record in entry.records)
    against = {
        AT_WORK: entry.state == RUNNING,
        f"task.kinds leaves out {entry.kind}": entry.kind not in rules.kinds,
        f"task.states leaves out {entry.state}": entry.kind in RUNS and entry.state not in rules.states,
        "too new": now - entry.at < rules.older_than,
        f"smaller than {decimal(rules.larger_than)}": entry.usage.size < rules.larger_than,
        "waits for task=sync": unsent,
    }
    return next((reason for reason, holds in against.items() if holds), "")


def _last_and_best(runs: Iterable[Entry], rules: Rules) -> dict[Path, str]:
    kept: dict[Path, str] = {}
    tasks, judged = defaultdict(list), defaultdict(list)
    for run in runs:
        tasks[run.group].append(run)
        if run.figure:
            judged[run.group, run.judged_on, len(run.figure)].append(run)
    for (task, *_), same in judged.items():
        best = sorted(same, key=lambda run: (run.figure, run.at), reverse=True)[: rules.keep_best]
        kept |= dict.fromkeys((run.path for run in best), f"best of {task} on its data")
    for task, same in tasks.items():
        last = sorted(same, key=lambda run: run.at, reverse=True)[: rules.keep_last]
        kept |= dict.fromkeys((run.path for run in last), f"last of {task}")
    return kept


def _with_what_is_used(entries: Sequence[Entry], kept: dict[Path, str], rules: Rules) -> dict[Path, str]:
    """Adds what runs that stay refer to, and what those refer to in turn."""
    runs, grows = [entry for entry in entries if entry.kind in RUNS], True
    while grows:
        staying = [run for run in runs if run.path in kept and (not rules.in_use or run.state == RUNNING)]
        used = {
            entry.path: f"used by {users[0].group}/{users[0].path.name}"
            for entry in entries
            if entry.path not in kept and entry.kind in (*RUNS, PREPARED) and (users := users_of(entry, staying))
        }
        kept, grows = kept | used, bool(used)
    return kept
