"""Figures of an evaluation."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from apsi.evaluate.truth import Truth, truth_of
from apsi.interval import Interval, Sample, mean_interval, rate_interval
from apsi.photo.write import atomic
from apsi.policy.rollout import EpisodeResult

COLUMNS = (
    "policy",
    "photo",
    "image",
    "degradation",
    "actions",
    "recipe",
    "start_score",
    "target_score",
    "final_score",
    "success",
    "steps",
    "juror_calls",
    "original",
)
"""Of `results.csv`; `original` is the start of a hash; two columns per measure follow: `before NAME`, `after NAME`"""


@dataclass(frozen=True, kw_only=True)
class PolicySummary(Truth):
    """How one policy did over all episodes."""

    success_rate: float
    success_ci95: Interval | None
    """from resampling photos (see `apsi.interval`); None where there is a single one"""
    mean_gain: float
    """final minus start score"""
    mean_gain_ci95: Interval | None
    """the same of it"""
    mean_steps: float
    juror_calls: int
    """photos scored over all episodes"""
    photos: int
    """originals that the episodes were made from"""
    sees_original: bool = False
    """whether the policy looks at the undegraded photos"""
    measures: dict[str, tuple[float, float] | None]
    """further figures by name: means over the photos before and after; None where no photo has them"""
    undegraded: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    """the same of the photos as they were before they were degraded, played for harm"""


def summarise(
    results: Sequence[EpisodeResult], undegraded: Sequence[EpisodeResult] = (), sees_original: bool = False
) -> PolicySummary:
    """Summarises at least one episode.

    Args:
        results: of a policy.
        undegraded: of the same policy, on photos that were not degraded: for its harm only.
        sees_original: whether the policy looks at the undegraded photos.
    """
    n = len(results)
    photos = [[result.episode.photo_hash for result in results]]
    successes = Sample.of([[float(result.success) for result in results]], photos)
    gains = Sample.of([[result.gain for result in results]], photos)
    return PolicySummary(
        success_rate=sum(result.success for result in results) / n,
        success_ci95=rate_interval(successes),
        mean_gain=math.fsum(result.gain for result in results) / n,
        mean_gain_ci95=mean_interval(gains),
        mean_steps=sum(result.steps for result in results) / n,
        juror_calls=sum(result.juror_calls for result in results),
        photos=successes.photos,
        sees_original=sees_original,
        **vars(truth_of(results, undegraded)),
        measures=_mean_measures(results),
        undegraded=_mean_measures(undegraded),
    )


def _mean_measures(results: Sequence[EpisodeResult]) -> dict[str, tuple[float, float] | None]:
    names = results[0].measures if results else ()
    return {name: _mean_pair([result.measures[name] for result in results]) for name in names}


def _mean_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    pairs = [pair for pair in pairs if not any(map(math.isnan, pair))]
    if not pairs:
        return None
    before, after = zip(*pairs, strict=True)
    return math.fsum(before) / len(pairs), math.fsum(after) / len(pairs)


def write_results(path: Path, results: Mapping[str, Sequence[EpisodeResult]]) -> None:
    """Writes one line per episode and policy."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = next(iter(results.values()))[0].measures
        writer.writerow([*COLUMNS, *(f"{when} {name}" for name in names for when in ("before", "after"))])
        for policy, episodes in results.items():
            for r in episodes:
                e = r.episode
                done = (" ".join(e.degradation), " ".join(r.actions), " ".join(r.recipe.labels))
                scores = (e.start_score, e.target_score, r.final_score)
                measured = ["" if math.isnan(figure) else figure for name in names for figure in r.measures[name]]
                counts = (int(r.success), r.steps, r.juror_calls, e.photo_hash[:16])
                writer.writerow([policy, e.source, e.photo.name, *done, *scores, *counts, *measured])


def as_dict(summaries: Mapping[str, PolicySummary]) -> dict[str, Any]:
    """The summaries as JSON would hold them."""
    as_json: dict[str, Any] = json.loads(json.dumps({name: asdict(summary) for name, summary in summaries.items()}))
    return as_json
