"""What goes and what stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apsi.clean.entry import KINDS, PREPARED, REMAINS, RUN, STEP, Entry, Record
from apsi.clean.rules import Rules, why_they_stay
from apsi.tracking.run_folder import STATES

NOW = datetime(2026, 1, 31, tzinfo=UTC)
ANY = Rules(frozenset(KINDS), timedelta(), 0, frozenset(STATES), keep_last=0, keep_best=0, in_use=False)


def entry(path: str, *, days: float = 10, kind: str = RUN, state: str = "finished", **more: object) -> Entry:
    made = Entry(kind, Path("/o", path), state, NOW - timedelta(days=days), group=path.partition("/")[0])
    return replace(made, **more)  # type: ignore[arg-type]  # each test gives the fields that it is about


def going(entries: list[Entry], rules: Rules) -> list[str]:
    stays = why_they_stay(entries, rules, NOW)
    return [entry.path.relative_to("/o").as_posix() for entry in entries if entry.path not in stays]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (ANY, ["train/a", "train/b", "ppo/c", "data"]),
        (replace(ANY, older_than=timedelta(days=5)), ["train/a", "data"]),
        (replace(ANY, states=frozenset({"failed"})), ["train/b", "data"]),
        (replace(ANY, kinds=frozenset({PREPARED})), ["data"]),
        (replace(ANY, larger_than=1), []),
        (replace(ANY, keep_last=1), ["train/a", "data"]),
        (replace(ANY, keep_best=1), ["train/b", "data"]),
    ],
)
def test_each_rule_narrows_what_goes(rules: Rules, expected: list[str]) -> None:
    entries = [
        entry("train/a", figure=(0.9, 0.1), judged_on="d"),
        entry("train/b", days=2, state="failed", figure=(0.1, 0.5), judged_on="d"),
        entry("ppo/c", days=1, figure=(0.2, 0.5), judged_on="d"),
        entry("data", kind=PREPARED),
    ]
    assert going(entries, rules) == expected


def test_no_rule_removes_what_is_at_work_and_meanwhile_all_data_stays() -> None:
    data = [entry("data", kind=PREPARED), entry("step", kind=STEP), entry("left", kind=REMAINS)]
    assert going([entry("train/a", state="running"), entry("train/b"), *data], replace(ANY, in_use=True)) == [
        "train/b",
        "left",
    ]
    assert going([entry("train/a"), *data], ANY) == ["train/a", "data", "step", "left"]


def test_what_a_run_that_stays_refers_to_stays_too_unless_asked() -> None:
    entries = [
        entry("train/a", uses=frozenset({"/o/data"})),
        entry("evaluate/b", uses=frozenset({"/o/train/a/checkpoints/best.zip"}), days=1),
        entry("train/c", records=(Record("sqlite:///x", "f" * 32),)),
        entry("compare/d", uses=frozenset({"f" * 32}), days=1),
        entry("data", kind=PREPARED),
        entry("other", kind=PREPARED),
    ]
    week = replace(ANY, older_than=timedelta(days=7))
    assert going(entries, week) == ["other"]  # the data through the run that the evaluation refers to
    assert why_they_stay(entries, week, NOW)[Path("/o/data")] == "used by train/a"
    assert going(entries, replace(week, in_use=True)) == ["train/a", "train/c", "data", "other"]
    assert going(entries, ANY) == [e.path.relative_to("/o").as_posix() for e in entries]


def test_a_record_that_another_server_has_not_got_is_waited_for() -> None:
    record = Record("http://host", "f" * 32, is_local=False, is_sent=False)
    assert going([entry("train/a", records=(record,))], ANY) == []
    assert going([entry("train/a", records=(replace(record, is_sent=True),))], ANY) == ["train/a"]
    assert going([entry("train/a", records=(replace(record, is_local=True),))], ANY) == ["train/a"]
