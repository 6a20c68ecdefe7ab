"""Freeing disk space."""

import logging
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import ByteSize, TypeAdapter, ValidationError
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from apsi.clean.data import find_data, find_scores
from apsi.clean.entry import KINDS, REMAINS, RUNS, Entry, Usage, folders_in
from apsi.clean.removal import remove
from apsi.clean.rules import Rules, users_of, why_they_stay
from apsi.clean.runs import find_remains, find_runs
from apsi.console import show
from apsi.errors import ApsiError, did_you_mean
from apsi.installation import command
from apsi.preprocess.base import PREPARED_FOLDER, STEPS_FOLDER
from apsi.tracking.run_folder import RUNNING, STATES, RunFolder, mend_latest

log = logging.getLogger(__name__)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def clean(
    config: DictConfig,
    folder: RunFolder,
    *,
    apply: bool,
    older_than: str | int,
    larger_than: str | int,
    kinds: list[str],
    states: list[str],
    keep_last: int,
    keep_best: int,
    in_use: bool,
) -> dict[str, Any]:
    """Lists old runs below `output_dir` and prepared data below `data_dir`, and with `apply` removes them.

    What is at work stays, and what apsi did not make; nothing is followed through a symbolic link. The records of
    removed runs in the local MLflow database are marked as deleted there; servers elsewhere keep theirs.

    Args:
        config: a whole configuration.
        folder: of this run.
        apply: whether to remove.
        older_than: a number and s, m, h, d or w: since a run ended or data was used last.
        larger_than: bytes on the disk, or such as `20MB`.
        kinds: some of `KINDS`.
        states: some of `STATES`, of runs.
        keep_last: the latest so many runs of each task stay.
        keep_best: so many runs with the best agents stay, of each task on the same data.
        in_use: also removes what runs that stay refer to.

    Returns:
        `applied`, `freed_bytes`, and `going` and `staying`, a list each: kind, path, state, when, bytes, reason, and
        by which runs it is used.

    Raises:
        ApsiError: a rule can't be read.
    """
    folder.note(housekeeping=True)  # `latest` keeps pointing to the latest result
    rules = Rules(
        kinds=frozenset(_known("task.kinds", kinds, KINDS)),
        older_than=_duration(older_than),
        larger_than=_bytes(larger_than),
        states=frozenset(_known("task.states", states, [state for state in STATES if state != RUNNING])),
        keep_last=_count("task.keep_last", keep_last),
        keep_best=_count("task.keep_best", keep_best),
        in_use=in_use,
    )
    output_dir, data_dir = (Path(place).expanduser().resolve() for place in (config.output_dir, config.data_dir))
    now = datetime.now(UTC)
    entries = _find(config, output_dir, data_dir, folder.path.resolve())
    stays = why_they_stay(entries, rules, now)
    going = [entry for entry in entries if entry.path not in stays]
    users = {entry.path: users_of(entry, [e for e in entries if e.kind in RUNS]) for entry in entries}
    freed = Usage.of(place for entry in going for place in entry.places).freed
    rows = [_row(entry, stays.get(entry.path, ""), users[entry.path]) for entry in entries]
    show(_table(entries, stays, users, now, (output_dir, data_dir)))
    if apply:
        gone = {entry.path for entry in going if remove(entry, output_dir)}
        for entry in (entry for entry in going if entry.path not in gone):
            log.warning("%s stays: it is in use now, or already gone", entry.path)
        _mend(output_dir, [entry for entry in entries if entry.path not in gone])
    _say(folder, going, freed, applied=apply)
    return {
        "applied": apply,
        "freed_bytes": freed,
        "going": [row for row in rows if not row["reason"]],
        "staying": [row for row in rows if row["reason"]],
    }


def _find(config: DictConfig, output_dir: Path, data_dir: Path, own: Path) -> list[Entry]:
    parents = [*folders_in(output_dir), data_dir / PREPARED_FOLDER, data_dir / STEPS_FOLDER]
    entries = [
        *find_remains(parents, output_dir),
        *find_runs(output_dir, own, data_dir),
        *find_data(data_dir),
    ]
    if config.score_cache_dir is not None:
        scores = Path(config.score_cache_dir).expanduser().resolve()
        if scores.is_relative_to(output_dir) or scores.is_relative_to(data_dir):
            entries += find_scores(scores)
    return entries


def _mend(output_dir: Path, left: Sequence[Entry]) -> None:
    runs = [run for run in left if run.kind in RUNS and not RunFolder(run.path).record().get("housekeeping")]
    newest = max(runs, key=lambda run: run.at, default=None)
    mend_latest(output_dir, newest.path if newest else None)


def _row(entry: Entry, reason: str, users: Sequence[Entry]) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "path": str(entry.path),
        "state": entry.state,
        "at": entry.at.isoformat(timespec="seconds"),
        "bytes": entry.usage.size,
        "reason": reason,
        "used_by": [str(user.path) for user in users],
    }


def _table(
    entries: Sequence[Entry],
    stays: Mapping[Path, str],
    users: Mapping[Path, Sequence[Entry]],
    now: datetime,
    roots: Sequence[Path],
) -> Table:
    table = Table(title="What is removed, then what stays", title_justify="left")
    for column in ("kind", "what", "state", "age", "size", "stays"):
        table.add_column(column, justify="right" if column in ("age", "size") else "left", overflow="fold")
    ordered = sorted(entries, key=lambda e: (e.path in stays, [*KINDS].index(e.kind), e.at))
    for i, entry in enumerate(ordered):
        last = i + 1 == len(ordered) or (ordered[i + 1].path in stays) != (entry.path in stays)
        root = next((root for root in roots if entry.path.is_relative_to(root)), entry.path.parent)
        what, used = entry.path.relative_to(root).as_posix(), users[entry.path]
        note = stays.get(entry.path) or (
            f"removed, though used by {used[0].group}/{used[0].path.name}" if used else "goes"
        )
        size = decimal(entry.usage.size)
        table.add_row(entry.kind, Text(what), entry.state, _age(now - entry.at), size, Text(note), end_section=last)
    return table


def _say(folder: RunFolder, going: Sequence[Entry], freed: int, *, applied: bool) -> None:
    kinds = ", ".join(f"{kind}: {count}" for kind, count in Counter(entry.kind for entry in going).items())
    elsewhere = {record.uri for entry in going for record in entry.records if not record.is_local}
    lines = [f"Records on other servers stay: {', '.join(sorted(elsewhere))}"] if elsewhere else []
    if not going:
        lines.append(
            "These rules remove nothing; task.older_than=0 takes any age, see conf/task/clean.yaml for the rest"
        )
    elif applied:
        lines.append(f"Removed {kinds}; {decimal(freed)} are free again")
    else:
        given = [str(override) for override in OmegaConf.load(folder.path / "overrides.yaml")]
        arguments = shlex.join([*given, "task.apply=true"])
        lines.append(f"Nothing is removed yet. These would be removed: {kinds}, {decimal(freed)} in all")
        lines.append(f"Remove them: {command()} {arguments}")
    show(*map(Text, lines))


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    unit, name = next(((u, n) for u, n in ((86400, "d"), (3600, "h"), (60, "min")) if seconds >= u), (1, "s"))
    return f"{seconds // unit} {name}"


def _known(place: str, given: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    for name in given:
        if name not in known or name == REMAINS:
            names = [name for name in known if name != REMAINS]
            raise ApsiError(f"{place}={name} must be one of: {', '.join(names)}.{did_you_mean(name, names)}")
    return given


def _count(place: str, value: int) -> int:
    if value < 0:
        raise ApsiError(f"{place}={value} must be at least 0")
    return value


def _duration(text: str | int) -> timedelta:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smhdw])", str(text))
    if str(text) != "0" and parts is None:
        raise ApsiError(
            f"task.older_than={text} must be a number and s, m, h, d or w, such as 12h or 7d; 0 for any age"
        )
    try:
        return timedelta(**{_UNITS[parts[2]]: float(parts[1])}) if parts else timedelta()
    except OverflowError as error:
        raise ApsiError(f"task.older_than={text} is more than there can be; write such as 7d") from error


def _bytes(text: str | int) -> int:
    try:
        return int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError as error:
        raise ApsiError(f"task.larger_than={text} must be a size such as 500kB, 20MB or 1GB; 0 for any") from error
