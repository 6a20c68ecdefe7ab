"""Plots of an evaluation, as SVG text."""

import io
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")  # files only, on machines without a screen too

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from apsi.evaluate.rollout import EpisodeResult
from apsi.evaluate.summary import PolicySummary


def success_bars(summaries: Mapping[str, PolicySummary]) -> str:
    """Success rate of each policy with its 95 % interval where there is one."""
    known = all(summary.success_ci95 for summary in summaries.values())
    figure, axes = _figure("Success rate, with 95 % interval" if known else "Success rate (one photo, no interval)")
    rates = [summary.success_rate for summary in summaries.values()]
    intervals = [s.success_ci95 or (s.success_rate, s.success_rate) for s in summaries.values()]
    errors = [[rate - low for rate, (low, _) in zip(rates, intervals, strict=True)]]
    errors.append([high - rate for rate, (_, high) in zip(rates, intervals, strict=True)])
    axes.bar(list(summaries), rates, yerr=errors, capsize=4, color="#4477aa")
    axes.set_ylim(0, 1)
    return svg(figure)


def learning_curve(history: Sequence[Mapping[str, Any]]) -> str:
    """Success rate over training steps, on training episodes and on the validation split."""
    figure, axes = _figure("Success rate while training")
    for key, label in (("train_success_rate", "training episodes, exploring"), ("val_success_rate", "validation")):
        points = [(row["timesteps"], row[key]) for row in history if row.get(key) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label)
    axes.set_xlabel("environment steps")
    axes.set_ylim(0, 1)
    axes.legend()
    return svg(figure)


def learning_curves(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Success rate on the validation split over training steps, one line a run."""
    figure, axes = _figure("Success on the validation split while training")
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name[-40:].replace("$", r"\$"))
    axes.set_xlabel("environment steps")
    axes.set_ylim(0, 1)
    axes.legend(fontsize=7)
    return svg(figure)


def gain_curve(history: Sequence[Mapping[str, Any]]) -> str:
    """Mean gain on the validation split over training steps."""
    figure, axes = _figure("Mean gain while training")
    points = [(row["timesteps"], row["val_mean_gain"]) for row in history if row.get("val_mean_gain") is not None]
    if points:
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, color="#ee7733", label="validation")
        axes.legend()
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.set_xlabel("environment steps")
    axes.set_ylabel("score after - before")
    return svg(figure)


def score_by_edit(results: Mapping[str, Sequence[EpisodeResult]]) -> str:
    """Mean score of the photos after each edit; a photo that is done keeps its last score."""
    figure, axes = _figure("Mean score after each edit")
    longest = max((len(r.scores) for played in results.values() for r in played), default=0)
    for name, played in results.items():
        scored = [r.scores for r in played if r.scores]
        if scored:
            means = [statistics.fmean(s[min(i, len(s) - 1)] for s in scored) for i in range(longest)]
            axes.plot(range(longest), means, marker="o", markersize=3, label=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("edits")
    axes.legend()
    return svg(figure)


def action_usage(results: Sequence[EpisodeResult]) -> str:
    """How often each transform was used, split by whether the episode succeeded."""
    used = {True: Counter[str](), False: Counter[str]()}
    for result in results:
        used[result.success].update(result.actions)
    total = used[True] + used[False]
    labels = sorted(total, key=lambda label: (total[label], label))  # the most used on top
    figure, axes = _figure("Transforms used", height=max(3.6, 0.8 + 0.2 * len(labels)))
    good, bad = [used[True][label] for label in labels], [used[False][label] for label in labels]
    axes.barh(labels, good, color="#228833", label="in successful episodes")
    bars = axes.barh(labels, bad, left=good, color="#cc6677", label="in others")
    axes.bar_label(bars, [str(total[label]) for label in labels], padding=3, fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("times")
    axes.legend()
    return svg(figure)


def _figure(title: str, height: float = 3.6) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def svg(figure: Figure) -> str:
    """A figure as text to put into a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
