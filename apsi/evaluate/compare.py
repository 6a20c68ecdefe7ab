"""Runs side by side: figures, settings that differ, and whether a difference is more than chance."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.evaluate.comparison_page import comparison_page
from apsi.evaluate.interval import Interval, Sample, difference_interval, rate_interval
from apsi.photo.write import atomic, write_text

_FIGURES = ("success_rate", "mean_gain", "mean_steps", "juror_calls")
Key = tuple[str, ...]
"""What tells one test episode from another: photo, image, degradation, start and target score"""


@dataclass(frozen=True)
class Compared:
    """One run."""

    name: str
    policy: str
    """whose episodes are compared"""
    summary: dict[str, Any]
    params: Mapping[str, str]
    """flat configuration"""
    curve: list[tuple[int, float]]
    """success on the validation split by training step"""
    episodes: Mapping[Key, tuple[float, float]]
    """success (0 or 1) and gain"""

    @property
    def figures(self) -> dict[str, Any]:
        """Of the compared policy."""
        policy = self.summary["policies"][self.policy]
        low, high = rate_interval(self.sample(0)) or ("", "")
        return {name: policy[name] for name in _FIGURES} | {"success_ci95_low": low, "success_ci95_high": high}

    def sample(self, index: int) -> Sample:
        """Successes (0) or gains (1) of the episodes; the photos are in the same order in all runs compared."""
        return Sample.of([[outcome[index] for outcome in self.episodes.values()]], [[key[0] for key in self.episodes]])


@dataclass(frozen=True)
class Difference:
    """Mean of a run minus mean of the first one, on the same episodes."""

    mean: float
    interval: Interval | None
    """95 %, or None where there is a single photo, from which nothing can be said about others"""

    @property
    def text(self) -> str:
        """For people."""
        if self.interval is None:
            return f"{self.mean:+.3f} (one photo, no interval)"
        low, high = self.interval
        sure = "" if low <= 0 <= high else " *"
        return f"{self.mean:+.3f} ({low:+.3f} to {high:+.3f}){sure}"


def read_run(name: str, results: Path, summary: Path, params: Mapping[str, str], curve: Any) -> Compared:
    """Reads what an evaluation left.

    Raises:
        ApsiError: it can't be read.
    """
    try:
        content = json.loads(summary.read_text(encoding="utf-8"))
        policy = next(iter(content["policies"]))
        with results.open(newline="", encoding="utf-8") as file:
            episodes = {
                _key(row): (float(row["success"]), float(row["final_score"]) - float(row["start_score"]))
                for row in csv.DictReader(file)
                if row["policy"] == policy
            }
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise ApsiError(f"run {name} can't be compared: {results} or {summary} is damaged ({error!r})") from error
    return Compared(name, policy, content, params, curve, episodes)


def require_same_photos(runs: Sequence[Compared]) -> None:
    """Refuses runs that were not tested on the same episodes, scored by the same juror.

    Raises:
        ApsiError: with the first difference found.
    """
    first = runs[0]
    advice = "Compare runs with the same photos, seed, split, degradation and juror"
    for run in runs[1:]:
        for what in ("juror", "split"):
            if run.summary[what] != first.summary[what]:
                raise ApsiError(
                    f"runs {first.name} and {run.name} can't be compared: their {what} is {first.summary[what]} and "
                    f"{run.summary[what]}. {advice}"
                )
        if run.episodes.keys() != first.episodes.keys():
            common = len(run.episodes.keys() & first.episodes.keys())
            raise ApsiError(
                f"runs {first.name} and {run.name} can't be compared: they were tested on {len(first.episodes)} "
                f"episodes of {first.summary['dataset']} and {len(run.episodes)} of {run.summary['dataset']}, "
                f"with {common} in common. {advice}"
            )


def difference(first: Compared, other: Compared, index: int) -> Difference:
    """How much better `other` is than `first`, with its interval from resampling photos.

    Args:
        first: run to compare with.
        other: run with the same episodes.
        index: 0 for success, 1 for gain.
    """
    a, b = first.sample(index), other.sample(index)
    return Difference(b.mean - a.mean, difference_interval(a, b, rates=index == 0))


def rows(runs: Sequence[Compared]) -> list[dict[str, Any]]:
    """One row a run: figures, and differences from the first run as numbers."""
    table = []
    for run in runs:
        row: dict[str, Any] = {"run": run.name, "policy": run.policy, "episodes": len(run.episodes), **run.figures}
        row |= {"train_timesteps": run.summary["train_timesteps"], "train_seconds": run.summary["seconds"]["train"]}
        for index, name in enumerate(("success", "gain")):
            found = difference(runs[0], run, index) if run is not runs[0] else None
            low, high = (found.interval if found and found.interval else None) or ("", "")
            row |= {f"{name}_difference": found.mean if found else "", f"{name}_low": low, f"{name}_high": high}
        table.append(row)
    return table


def differing_params(runs: Sequence[Compared]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs: name -> value in each."""
    names = sorted({name for run in runs for name in run.params})
    values = {name: [run.params.get(name, "") for run in runs] for name in names}
    return {name: found for name, found in values.items() if len(set(found)) > 1}


def write_comparison(folder: Path, runs: Sequence[Compared]) -> None:
    """Writes `comparison.csv` and `comparison.html`, a page that needs no other file."""
    table = rows(runs)
    with (
        atomic(folder / "comparison.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    differences = [(difference(runs[0], run, 0), difference(runs[0], run, 1)) for run in runs[1:]]
    write_text(folder / "comparison.html", comparison_page(runs, table, differences, differing_params(runs)))


def _key(row: Mapping[str, str]) -> Key:
    return tuple(row[name] for name in ("photo", "image", "degradation", "start_score", "target_score"))
