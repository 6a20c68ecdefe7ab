"""Plots of an evaluation, as SVG text."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")  # files only, on machines without a screen too

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from apsi.evaluate.rollout import EpisodeResult
from apsi.evaluate.summary import PolicySummary


def success_bars(summaries: Mapping[str, PolicySummary]) -> str:
    """Success rate of each policy with its 95 % interval."""
    figure, axes = _figure("Success rate, with 95 % interval")
    rates = [summary.success_rate for summary in summaries.values()]
    below = [s.success_rate - s.success_ci95[0] for s in summaries.values()]
    above = [s.success_ci95[1] - s.success_rate for s in summaries.values()]
    axes.bar(list(summaries), rates, yerr=[below, above], capsize=4, color="#4477aa")
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


def action_usage(results: Sequence[EpisodeResult]) -> str:
    """How often each transform was used, split by whether the episode succeeded."""
    used = {True: Counter[str](), False: Counter[str]()}
    for result in results:
        used[result.success].update(result.actions)
    labels = sorted(used[True] | used[False])
    figure, axes = _figure("Transforms used")
    good, bad = [used[True][label] for label in labels], [used[False][label] for label in labels]
    axes.barh(labels, good, color="#228833", label="in successful episodes")
    axes.barh(labels, bad, left=good, color="#cc6677", label="in others")
    axes.legend()
    return svg(figure)


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def svg(figure: Figure) -> str:
    """A figure as text to put into a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
