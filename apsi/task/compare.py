"""Comparing runs."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.table import Table

from apsi.config.compose import flat
from apsi.config.trackers import open_tracker
from apsi.console import show
from apsi.errors import ApsiError
from apsi.evaluate.comparison import (
    Compared,
    difference,
    grouped,
    read_run,
    require_same_photos,
    require_same_split,
    rows,
)
from apsi.evaluate.comparison_page import FILES, write_comparison
from apsi.evaluate.jury import judge, open_jurors
from apsi.evaluate.jury_page import judged_rows, judged_tables, write_judgements
from apsi.evaluate.replay import open_replay
from apsi.evaluate.truth import TRUTHS
from apsi.tracking.base import Tracker
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import RunFolder


def compare(config: DictConfig, folder: RunFolder, *, leave_out: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Compares `run_ids`, or `groups` of runs, with the first; writes a page and a CSV file, and returns its rows.

    Runs of different jurors are judged by all of these, on the photos that all runs were tested on.

    Args:
        config: a whole configuration.
        folder: gets `comparison.html` and `comparison.csv`.
        leave_out: runs whose jurors don't judge.

    Raises:
        ApsiError: fewer than two runs, the same one twice, one without results, or other test photos; with different
            jurors: one of them can't be opened here.
    """
    groups = _groups(config)
    tracker = open_tracker(config)
    runs = [
        grouped(name, [_read(run, tracker) for run in members]) if config.groups is not None else _read(name, tracker)
        for name, members in groups.items()
    ]
    if len({run.summary["juror"] for group in runs for run in group.runs}) > 1:
        return _judged(config, folder, runs, tracker, leave_out)
    require_same_photos(runs)
    write_comparison(folder.path, runs)
    show(_table(runs), *(str(folder.path / file) for file in FILES))
    return rows(runs)


def _judged(
    config: DictConfig, folder: RunFolder, runs: Sequence[Compared], tracker: Tracker, leave_out: Sequence[str]
) -> list[dict[str, Any]]:
    require_same_split(runs)
    members = [run for group in runs for run in group.runs]
    replays = [open_replay(run, RecordedRun(run.name, tracker), config) for run in members]
    with open_jurors(replays, config, leave_out) as jurors:
        judgements = judge(runs, replays, jurors)
    write_judgements(folder.path, runs, judgements)
    show(*judged_tables(judgements), *(str(folder.path / file) for file in FILES))
    return judged_rows(judgements)


def _groups(config: DictConfig) -> dict[str, list[str]]:
    """Names and runs; the folder of a multirun stands for all its runs."""
    if config.groups is None:
        names = [run for name in config.run_ids for run in _runs_of(name)]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ApsiError(
                f"run_ids=[{','.join(names)}]: task=compare needs two or more different runs, as MLflow run ids or "
                "folders: run_ids=[FIRST,SECOND], or groups of runs: 'groups={ppo:[FIRST,SECOND],dqn:[THIRD,FOURTH]}'"
            )
        return {name: [name] for name in names}
    given = OmegaConf.to_container(config.groups) if OmegaConf.is_config(config.groups) else config.groups
    if config.run_ids:
        raise ApsiError("task=compare takes run_ids=[...] or groups={...}, not both")
    if not isinstance(given, dict) or not all(isinstance(members, list) for members in given.values()):
        raise ApsiError(f"groups={given} must name lists of runs: 'groups={{ppo:[FIRST,SECOND],dqn:[THIRD,FOURTH]}}'")
    groups = {str(name): [run for one in members for run in _runs_of(str(one))] for name, members in given.items()}
    runs = [run for members in groups.values() for run in members]
    if len(groups) < 2 or not all(groups.values()) or len(set(runs)) < len(runs):
        said = ",".join(f"{name}:[{','.join(members)}]" for name, members in groups.items())
        raise ApsiError(
            f"groups={{{said}}}: task=compare needs two or more groups of different runs: "
            "'groups={ppo:[FIRST,SECOND],dqn:[THIRD,FOURTH]}'"
        )
    return groups


def _runs_of(name: str) -> Iterator[str]:
    path = Path(name).expanduser() / "multirun.json"
    if not path.is_file():
        yield name
        return
    try:
        yield from (str(path.parent / run) for group in json.loads(path.read_text())["groups"] for run in group["runs"])
    except (ValueError, KeyError, TypeError) as error:
        raise ApsiError(f"{path} is damaged ({error!r}); name the runs themselves") from error


def _read(name: str, tracker: Tracker) -> Compared:
    recorded = RecordedRun(name, tracker)
    results, summary = recorded.file("results.csv"), recorded.file("summary.json")
    return read_run(name, results, summary, flat(recorded.config()), recorded.curve("success_rate"))


def _table(runs: Sequence[Compared]) -> Table:
    table = Table(title=f"{len(runs[0].episodes)} episodes; differences from the first with 95 % intervals")
    truths = [name for name in TRUTHS if any(run.figures[name] is not None for run in runs)]
    for column in ("run", "success", "difference", "mean gain", "difference", *truths):
        table.add_column(column, justify="left" if column == "run" else "right", overflow="fold")
    for run in runs:
        success, gain = ("" if run is runs[0] else difference(runs[0], run, index).text for index in (0, 1))
        figures = run.figures
        name = f"{run.name} ({len(run.members)} runs)" if run.members else Path(run.name).name
        known = ["-" if figures[truth] is None else f"{figures[truth]:.2f}" for truth in truths]
        table.add_row(name, f"{figures['success_rate']:.3f}", success, f"{figures['mean_gain']:+.3f}", gain, *known)
    return table
