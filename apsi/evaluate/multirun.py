"""Summary of a multirun: means over seeds, their standard deviation, intervals by photo and seed."""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.table import Table

from apsi.config.compose import flat
from apsi.console import show
from apsi.errors import ApsiError
from apsi.evaluate import plots
from apsi.evaluate.comparison import Compared, band, difference, grouped, read_run, require_same_photos
from apsi.evaluate.outcome import marked
from apsi.evaluate.require import RequirementError
from apsi.evaluate.truth import TRUTHS
from apsi.interval import interval_text, mean_interval, rate_interval
from apsi.photo.write import atomic, write_text
from apsi.tracking.none import NoTracker
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import FINISHED, RunFolder
from apsi.web.page import render

_SEEDS = ("seed", "data_seed")
_ONLY = "all runs"


@dataclass(frozen=True)
class Job:
    """One run of a multirun."""

    folder: RunFolder
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its folder within that of the multirun."""
        return self.folder.path.name

    @property
    def failure(self) -> str | None:
        """Why it failed; None where it did not."""
        record = self.folder.record()
        if record["status"] == FINISHED:
            return None
        return str(record.get("error") or f"it is {record['status']}; see {self.folder.path / 'run.log'}")

    @property
    def missed(self) -> str | None:
        """The conditions of `evaluate.require` that it missed; None if it met all."""
        return self.folder.record().get("missed")

    @property
    def kind(self) -> tuple[str, ...]:
        """Its overrides other than seeds."""
        return tuple(text for text in self.overrides if text.lstrip("+").partition("=")[0] not in _SEEDS)


def summarise_multirun(folder: Path) -> None:
    """Writes `multirun.json`, `.csv` and `.html` into the folder of a multirun, and prints a table.

    Runs that differ only in their seeds are a group.

    Raises:
        ApsiError: some of the runs failed; raised after the others are summarised.
        RequirementError: none failed; some fell short of `evaluate.require`, and are part of the summary.
    """
    jobs = _jobs(folder)
    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    failed = [_told(job, job.failure, shared) for job in jobs if job.failure is not None]
    missed = [_told(job, job.missed, shared) for job in jobs if job.failure is None and job.missed is not None]
    evaluated = [job for job in jobs if job.failure is None and (job.folder.path / "summary.json").is_file()]
    if evaluated:
        _write(folder, {name: _policies(members) for name, members in _grouped(evaluated).items()}, failed, missed)
    short = f"{len(missed)} of {len(jobs)} runs in {folder} fell short:{_lines(missed)}"
    if failed:
        said = f"{len(failed)} of {len(jobs)} runs in {folder} failed:{_lines(failed)}"
        raise ApsiError(f"{said}\n{short}" if missed else said)
    if missed:
        raise RequirementError(short)


def _lines(told: Sequence[Mapping[str, str]]) -> str:
    return "".join(f"\n{job['run']} ({job['unlike']}): {job['error']}" for job in told)


def _jobs(folder: Path) -> list[Job]:
    """All jobs that were started, in order."""
    jobs = []
    for path in folder.rglob("run.json"):
        if (path.parent.parent / path.name).is_file():
            continue  # a part of a run
        if "status" in (run := RunFolder(path.parent)).record():  # unlike the tracker's file of this name
            overrides = path.with_name("overrides.yaml")
            told = tuple(map(str, OmegaConf.load(overrides))) if overrides.is_file() else ()
            jobs.append(Job(run, told))
    return sorted(jobs, key=lambda job: [(len(part), part) for part in re.findall(r"\d+|\D+", str(job.folder.path))])


def _grouped(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """Jobs grouped by the settings that differ, seeds left out."""
    kinds: dict[tuple[str, ...], list[Job]] = defaultdict(list)
    for job in jobs:
        kinds[job.kind].append(job)
    shared = set.intersection(*(set(kind) for kind in kinds))
    return {", ".join(text for text in kind if text not in shared) or _ONLY: found for kind, found in kinds.items()}


def _policies(jobs: Sequence[Job]) -> dict[str, Compared]:
    """The runs of one kind as a group, for each of their policies."""
    runs: dict[str, list[Compared]] = defaultdict(list)
    for job in jobs:
        path = job.folder.path
        recorded = RecordedRun(str(path), NoTracker())
        params, curve = flat(recorded.config()), recorded.curve("success_rate")
        for policy in json.loads((path / "summary.json").read_text(encoding="utf-8"))["policies"]:
            files = (path / "results.csv", path / "summary.json")
            runs[policy].append(read_run(str(path), *files, params, curve, policy=policy))
    return {policy: grouped(policy, found) for policy, found in runs.items()}


def group_figures(group: Compared) -> dict[str, Any]:
    """Figures of a policy over the runs of a group: means, standard deviations between runs, 95 % intervals."""
    success, gain, left = group.sample(0), group.sample(1), group.distance_left()
    remaining = mean_interval(left) if left else None
    return {
        "runs": len(group.members),
        "episodes": int(success.counts.sum()),
        "photos": success.photos,
        "success_rate": success.mean,
        "success_sd": group.spread("success_rate"),
        "success_ci95": rate_interval(success),
        "mean_gain": gain.mean,
        "gain_sd": group.spread("mean_gain"),
        "mean_gain_ci95": mean_interval(gain),
        **group.truths,
        "sees_original": group.sees_original,
        "recovered_ci95": (1 - remaining[1], min(1.0, 1 - remaining[0])) if remaining else None,
    }


def _told(job: Job, error: str, shared: Collection[str]) -> dict[str, str]:
    unlike = " ".join(text for text in job.overrides if text not in shared)
    return {"run": job.name, "overrides": " ".join(job.overrides), "unlike": unlike, "error": error}


def _write(
    folder: Path,
    groups: Mapping[str, Mapping[str, Compared]],
    failed: Sequence[Mapping[str, str]],
    missed: Sequence[Mapping[str, str]],
) -> None:
    content: list[dict[str, Any]] = [
        {
            "name": name,
            "runs": [str(Path(run.name).relative_to(folder)) for run in _first(policies).members],
            **{seed: [int(run.params.get(seed, 0)) for run in _first(policies).members] for seed in _SEEDS},
            "policies": {policy: group_figures(group) for policy, group in policies.items()},
        }
        for name, policies in groups.items()
    ]
    write_text(folder / "multirun.json", json.dumps({"groups": content, "failed": failed, "missed": missed}, indent=1))
    rows = [_row(group["name"], policy, found) for group in content for policy, found in group["policies"].items()]
    with atomic(folder / "multirun.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    agents = [grouped(name, _first(policies).members) for name, policies in groups.items()]
    differences, obstacle = _differences(agents)
    page = render(
        "apsi.evaluate",
        "multirun.html.j2",
        groups=content,
        agents=agents,
        failed=failed,
        missed=missed,
        differences=differences,
        obstacle=obstacle,
        interval_text=interval_text,
        curves_svg=plots.learning_curves({g.name: g.curve for g in agents}, {g.name: band(g) for g in agents})
        if any(group.curve for group in agents)
        else "",
    )
    write_text(folder / "multirun.html", page)
    show(_table(rows), *(str(folder / name) for name in ("multirun.html", "multirun.json", "multirun.csv")))


def _first(policies: Mapping[str, Compared]) -> Compared:
    return next(iter(policies.values()))


def _differences(groups: Sequence[Compared]) -> tuple[list[tuple[str, str, str]], str]:
    """Differences of the other groups from the first, in success and gain; or why they can't be compared."""
    try:
        require_same_photos(groups)
    except ApsiError as error:
        return [], str(error) if len(groups) > 1 else ""
    first, *others = groups
    return [(group.name, difference(first, group, 0).text, difference(first, group, 1).text) for group in others], ""


def _row(group: str, policy: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the CSV file."""
    row: dict[str, Any] = {"group": group, "policy": policy}
    for name, value in found.items():
        if name.endswith("_ci95"):
            row |= dict(zip((f"{name}_low", f"{name}_high"), value or ("", ""), strict=True))
        else:
            row[name] = "" if value is None else value
    return row


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    alone = all(row["runs"] == 1 for row in rows)
    said = f"95 % intervals by {'photo' if alone else 'photo and seed'}"
    if all(row["photos"] == 1 for row in rows):
        said = "a single photo: no intervals"
    table = Table(title="Means over seeds ± standard deviation", caption=said)
    truths = [name for name in TRUTHS if any(row[name] != "" for row in rows)]
    for column in ("group", "policy", "runs", "success", "95 % interval", "mean gain", "95 % interval", *truths):
        table.add_column(column, justify="left" if column in ("group", "policy") else "right", overflow="fold")
    for row in rows:
        cells = []
        for mean, sd, interval, form in (
            ("success_rate", "success_sd", "success_ci95", ".3f"),
            ("mean_gain", "gain_sd", "mean_gain_ci95", "+.3f"),
        ):
            spread = "" if row[sd] == "" else f" ± {row[sd]:.3f}"
            low, high = row[f"{interval}_low"], row[f"{interval}_high"]
            cells += [f"{row[mean]:{form}}{spread}", "-" if low == "" else interval_text((low, high), form)]
        for name in truths:
            spread = "" if row[f"{name}_sd"] == "" else f" ± {row[f'{name}_sd']:.2f}"
            cells.append("-" if row[name] == "" else f"{row[name]:.2f}{spread}")
        table.add_row(row["group"], marked(row["policy"], row["sees_original"]), str(row["runs"]), *cells)
    return table
