"""Comparing runs: figures, settings that differ, and whether a difference is more than chance."""

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from apsi.config.renamed import settings_with_new_names
from apsi.errors import ApsiError
from apsi.evaluate.truth import COLOUR_DIFFERENCE, MEASURES, NOTICED, TRUTHS
from apsi.interval import Interval, Sample, difference_interval, rate_interval

_COLOUR = tuple(f"{when} {COLOUR_DIFFERENCE}" for when in ("before", "after"))
_FIGURES = ("success_rate", "mean_gain", "mean_steps", "juror_calls")
Key = tuple[str, ...]
"""What identifies a test episode: photo, image, degradation, start and target score"""


@dataclass(frozen=True)
class Compared:
    """One run, or a group of runs that differ in their seeds."""

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
    originals: Mapping[str, str] = field(default_factory=dict)
    """hashes of the photos by their names"""
    distances: Mapping[Key, tuple[float, float]] = field(default_factory=dict)
    """of degraded photos, mean CIEDE2000 to the true ones before and after, where that is known"""
    members: tuple["Compared", ...] = ()
    """the runs of a group; its other fields are of all of them or, where that makes no sense, of the first"""

    @property
    def runs(self) -> tuple["Compared", ...]:
        """Itself, or the members of the group."""
        return self.members or (self,)

    @property
    def figures(self) -> dict[str, Any]:
        """Of the compared policy, means over the runs; standard deviations between them where there are several."""
        policies = [run.summary["policies"][run.policy] for run in self.runs]
        figures: dict[str, Any] = {name: _mean([policy[name] for policy in policies]) for name in _FIGURES}
        low, high = rate_interval(self.sample(0)) or ("", "")
        figures |= {"success_ci95_low": low, "success_ci95_high": high, "runs": len(self.runs)}
        figures |= {"success_sd": self.spread("success_rate"), "gain_sd": self.spread("mean_gain")}
        return figures | self.truths | {"sees_original": self.sees_original}

    @property
    def sees_original(self) -> bool:
        """Whether the policy looks at the undegraded photos."""
        return any(run.summary["policies"][run.policy].get("sees_original", False) for run in self.runs)

    @property
    def truths(self) -> dict[str, float | None]:
        """By the distance to the true photos: means over the runs, standard deviations; None where it is not known."""
        policies = [run.summary["policies"][run.policy] for run in self.runs]
        truths: dict[str, float | None] = {}
        for name in TRUTHS:
            values = [policy.get(name) for policy in policies]
            truths |= {name: _mean(values) if None not in values else None, f"{name}_sd": self.spread(name)}
        for name in MEASURES:
            pairs = [policy.get("measures", {}).get(name) or (None, None) for policy in policies]
            for when, figures in zip(("before", "after"), zip(*pairs, strict=True), strict=True):
                truths[f"{name}_{when}"] = _mean(figures) if None not in figures else None
        return truths

    def spread(self, figure: str) -> float | None:
        """Standard deviation of a figure of the compared policy between runs; None of a single run, or if unknown."""
        values = [run.summary["policies"][run.policy].get(figure) for run in self.runs]
        return stdev(values) if len(values) > 1 and None not in values else None

    def sample(self, index: int, originals: Mapping[str, str] | None = None) -> Sample:
        """Successes (0) or gains (1) of the episodes.

        Args:
            index: which of them.
            originals: hashes by the names of photos; of several samples the same, so that their photos have one order.
        """
        return Sample.of(
            [[outcome[index] for outcome in run.episodes.values()] for run in self.runs],
            self._photos([run.episodes for run in self.runs], originals),
        )

    def distance_left(
        self, originals: Mapping[str, str] | None = None, episodes: Collection[Key] | None = None
    ) -> Sample | None:
        """Whose mean is the share of the distance to the true photos that is left; None where that is not known.

        Args:
            originals: as for `sample`.
            episodes: that count; None: all of which it is known.
        """
        known = [
            {key: pair for key, pair in run.distances.items() if episodes is None or key in episodes}
            for run in self.runs
        ]
        if not all(known):
            return None
        photos = self._photos(known, originals)
        before, after = (Sample.of([[pair[i] for pair in of.values()] for of in known], photos).sums for i in (0, 1))
        return Sample(after, before)

    def _photos(self, episodes: Sequence[Mapping[Key, Any]], originals: Mapping[str, str] | None) -> list[list[str]]:
        """Hashes of the photos of each run's episodes."""
        known = originals or {}
        for run in self.runs if originals is None else ():
            known = {**known, **run.originals}
        return [[known.get(key[0], key[0]) for key in of_run] for of_run in episodes]


def grouped(name: str, runs: Sequence[Compared]) -> Compared:
    """Several runs of the same kind as one: settings list the values of all, the curve is their mean."""
    first = runs[0]
    params = {key: ", ".join(dict.fromkeys(run.params.get(key, "") for run in runs)) for key in first.params}
    curve = [(step, fmean(values)) for step, values in _at_steps_of_all(runs)]
    return replace(first, name=name, params=params, curve=curve, members=tuple(runs))


def band(group: Compared) -> list[tuple[float, float, float]]:
    """Lowest and highest of the members' curves at each step; empty for a single run."""
    return [(step, min(values), max(values)) for step, values in _at_steps_of_all(group.runs)] if group.members else []


def _at_steps_of_all(runs: Sequence[Compared]) -> list[tuple[int, list[float]]]:
    """The n-th validation of every run, at the mean of their steps, as rollouts may end at slightly different steps."""
    looks = zip(*(run.curve for run in runs), strict=False)
    return [(round(fmean(step for step, _ in look)), [value for _, value in look]) for look in looks]


@dataclass(frozen=True)
class Difference:
    """Mean of a run minus mean of the first one, on the same episodes."""

    mean: float
    interval: Interval | None
    """95 %, or None where there is a single photo, which says nothing about others"""

    @property
    def text(self) -> str:
        """For people."""
        if self.interval is None:
            return f"{self.mean:+.3f} (one photo, no interval)"
        low, high = self.interval
        sure = "" if low <= 0 <= high else " *"
        return f"{self.mean:+.3f} ({low:+.3f} to {high:+.3f}){sure}"


def read_run(
    name: str, results: Path, summary: Path, params: Mapping[str, str], curve: Any, *, policy: str | None = None
) -> Compared:
    """Reads the results of a policy from a run's folder, by default of the first one.

    Raises:
        ApsiError: it can't be read.
    """
    try:
        content = json.loads(summary.read_text(encoding="utf-8"))
        policy = policy or next(iter(content["policies"]))
        with results.open(newline="", encoding="utf-8") as file:
            lines = [row for row in csv.DictReader(file) if row["policy"] == policy]
        episodes = {
            _key(row): (float(row["success"]), float(row["final_score"]) - float(row["start_score"])) for row in lines
        }
        originals = {row["photo"]: row["original"] for row in lines if "original" in row}
        measured = [row for row in lines if row["degradation"] and all(row.get(name) for name in _COLOUR)]
        distances = {_key(row): (float(row[_COLOUR[0]]), float(row[_COLOUR[1]])) for row in measured}
        distances = {key: pair for key, pair in distances.items() if pair[0] > NOTICED}
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise ApsiError(f"run {name} can't be compared: {results} or {summary} is damaged ({error!r})") from error
    settings = settings_with_new_names(params)
    return Compared(name, policy, content, settings, curve, episodes, originals, distances)


_ADVICE = "Compare runs with the same photos, data_seed, split and degradation"


def require_same_split(runs: Sequence[Compared]) -> None:
    """Refuses runs that were tested on different splits.

    Raises:
        ApsiError: with the first difference found.
    """
    _require_same(runs, "split", _ADVICE)


def require_same_photos(runs: Sequence[Compared]) -> None:
    """Refuses runs that were not tested on the same episodes, scored by the same juror.

    Raises:
        ApsiError: with the first difference found.
    """
    first, *others = (member for run in runs for member in run.runs)
    advice = f"{_ADVICE}; task=compare judges those of different jurors by all of them"
    _require_same(runs, "juror", advice)
    _require_same(runs, "split", advice)
    for run in others:
        if run.episodes.keys() != first.episodes.keys():
            common = len(run.episodes.keys() & first.episodes.keys())
            raise ApsiError(
                f"runs {first.name} and {run.name} can't be compared: they were tested on {len(first.episodes)} "
                f"episodes of {first.summary['dataset']} and {len(run.episodes)} of {run.summary['dataset']}, "
                f"with {common} in common. {advice}"
            )


def _require_same(runs: Sequence[Compared], what: str, advice: str) -> None:
    first, *others = (member for run in runs for member in run.runs)
    for run in others:
        if run.summary[what] != first.summary[what]:
            raise ApsiError(
                f"runs {first.name} and {run.name} can't be compared: their {what} is {first.summary[what]} and "
                f"{run.summary[what]}. {advice}"
            )


def difference(first: Compared, other: Compared, index: int) -> Difference:
    """How much better `other` is than `first`, with an interval from resampling photos (and the runs of groups).

    Args:
        first: run or group to compare with.
        other: run or group with the same episodes.
        index: 0 for success, 1 for gain.
    """
    originals = _originals(first, other)
    a, b = first.sample(index, originals), other.sample(index, originals)
    return Difference(b.mean - a.mean, difference_interval(a, b, rates=index == 0))


def recovered_difference(first: Compared, other: Compared) -> Difference | None:
    """How much more of the distance to the true photos `other` takes away; None where that is not known.

    An episode that one of the runs framed or mirrored has no distance after it, and counts for none of them.
    """
    originals = _originals(first, other)
    shared = set.intersection(*(set(run.distances) for run in (*first.runs, *other.runs)))
    a, b = first.distance_left(originals, shared), other.distance_left(originals, shared)
    if a is None or b is None:
        return None
    interval = difference_interval(b, a, rates=False)
    return Difference(a.mean - b.mean, interval)


def _originals(first: Compared, other: Compared) -> dict[str, str]:
    return {name: digest for run in (*first.runs, *other.runs) for name, digest in run.originals.items()}


def rows(runs: Sequence[Compared]) -> list[dict[str, Any]]:
    """One row a run: figures, and differences from the first run as numbers."""
    table = []
    for run in runs:
        row: dict[str, Any] = {"run": run.name, "policy": run.policy, "episodes": len(run.episodes), **run.figures}
        row |= {
            "train_timesteps": round(fmean(member.summary["train_timesteps"] for member in run.runs)),
            "train_seconds": fmean(member.summary["seconds"]["train"] for member in run.runs),
        }
        found_by_name: dict[str, Difference | None] = dict.fromkeys(("success", "gain", "recovered"))
        if run is not runs[0]:
            found_by_name = {name: difference(runs[0], run, i) for i, name in enumerate(("success", "gain"))}
            found_by_name["recovered"] = recovered_difference(runs[0], run)
        for name, found in found_by_name.items():
            low, high = (found.interval if found and found.interval else None) or ("", "")
            row |= {f"{name}_difference": found.mean if found else "", f"{name}_low": low, f"{name}_high": high}
        table.append(row)
    return table


def differing_params(runs: Sequence[Compared]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs: name -> value in each."""
    names = sorted({name for run in runs for name in run.params} - {"run_name"})
    values = {name: [run.params.get(name, "") for run in runs] for name in names}
    return {name: found for name, found in values.items() if len(set(found)) > 1}


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if len(values) > 1 else values[0]  # for a single run a count stays a whole number


def _key(row: Mapping[str, str]) -> Key:
    return tuple(row[name] for name in ("photo", "image", "degradation", "start_score", "target_score"))
