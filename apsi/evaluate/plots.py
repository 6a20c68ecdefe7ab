"""Plots of an evaluation."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator, PercentFormatter

from apsi.evaluate.actions import shares_over_time
from apsi.evaluate.summary import PolicySummary
from apsi.policy.rollout import EpisodeResult
from apsi.web.page import percent
from apsi.web.plots import INK, LINE, SERIES, SOFT, STYLE, Band, Points, draw_lines, legend_below, new_figure, svg

_MOST_ACTIONS = 25


@rc_context(STYLE)
def success_bars(summaries: Mapping[str, PolicySummary]) -> Markup:
    """Success rate of each policy with its 95 % interval, where there is one."""
    figure, axes = new_figure(0.9 + 0.38 * len(summaries))
    rates = [summary.success_rate for summary in summaries.values()]
    axes.barh(list(summaries), rates, height=0.6, color=SERIES[0])
    for i, summary in enumerate(summaries.values()):
        if summary.success_ci95 is not None:
            axes.plot(summary.success_ci95, (i, i), color=INK, linewidth=1.4, marker="|", markersize=8)
        axes.text(1.03, i, percent(summary.success_rate), va="center")
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("successful episodes")
    said = ", ".join(f"{name} {percent(rate)}" for name, rate in zip(summaries, rates, strict=True))
    return svg(figure, f"Bar chart of the success rate of each policy: {said}")


@rc_context(STYLE)
def learning_curve(history: Sequence[Mapping[str, Any]]) -> Markup:
    """Success rate over training steps, on training episodes and on the validation split."""
    names = {"training episodes, exploring": "train_success_rate", "validation split": "val_success_rate"}
    return _training({name: _column(history, key) for name, key in names.items()}, "success rate", share=True)


@rc_context(STYLE)
def gain_curve(history: Sequence[Mapping[str, Any]]) -> Markup:
    """Mean gain on the validation split over training steps."""
    return _training({"validation split": _column(history, "val_mean_gain")}, "mean gain")


@rc_context(STYLE)
def learning_curves(curves: Mapping[str, Points], bands: Mapping[str, Band] | None = None) -> Markup:
    """Success rate on the validation split over training steps, one line per name, with a band if there is one."""
    return _training(curves, "success rate", share=True, bands=bands)


@rc_context(STYLE)
def score_by_edit(results: Mapping[str, Sequence[EpisodeResult]]) -> Markup:
    """Mean score of the photos after each edit; a photo that is done keeps its last score."""
    longest = max((len(r.scores) for played in results.values() for r in played), default=0)
    lines: dict[str, Points] = {}
    for name, played in results.items():
        scored = [r.scores for r in played if r.scores]
        if scored:
            lines[name] = [(i, statistics.fmean(s[min(i, len(s) - 1)] for s in scored)) for i in range(longest)]
    figure, axes = new_figure(3.2)
    draw_lines(axes, lines)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("edits")
    axes.set_ylabel("mean score")
    legend_below(figure, axes)
    ends = ", ".join(f"{name} {points[-1][1]:.2f}" for name, points in lines.items() if points)
    return svg(figure, f"Line chart of the mean score after each edit; at the end: {ends}")


@rc_context(STYLE)
def action_usage(results: Sequence[EpisodeResult]) -> Markup:
    """How often each transform was used, split by whether the episode succeeded; empty where none was.

    Adjustments count together whatever their amount.
    """
    used = {True: Counter[str](), False: Counter[str]()}
    for result in results:
        used[result.success].update(label.partition("(")[0] for label in result.actions)
    total = used[True] + used[False]
    if not total:
        return Markup("")
    labels = sorted(total, key=lambda label: (-total[label], label))[:_MOST_ACTIONS]  # the most used on top
    figure, axes = new_figure(0.9 + 0.24 * len(labels))
    good, bad = [used[True][label] for label in labels], [used[False][label] for label in labels]
    axes.barh(labels, good, color=SERIES[2], label="in successful episodes")
    bars = axes.barh(labels, bad, left=good, color=SERIES[7], hatch="///", edgecolor=LINE, label="in others")
    axes.bar_label(bars, [str(total[label]) for label in labels], padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("times used")
    legend_below(figure, axes)
    said = ", ".join(f"{label} {total[label]}" for label in labels[:5])
    return svg(figure, f"Bar chart of how often each transform was used; most often: {said}")


@rc_context(STYLE)
def action_history(history: Sequence[Mapping[str, Any]]) -> Markup:
    """The share of each action at each validation, stacked; empty before the second one, or where none was recorded.

    The most frequent ones have colours of their own, the others share one.
    """
    steps, shares = shares_over_time(history)
    shares = {label: values for label, values in shares.items() if any(values)}
    if len(steps) < 2 or not shares:
        return Markup("")
    order = sorted(shares, key=lambda label: (-sum(shares[label]), label))
    shown, others = order[: len(SERIES) - 1], order[len(SERIES) - 1 :]
    stacked = {label: shares[label] for label in shown}
    if others:
        name = others[0] if len(others) == 1 else f"{len(others)} others"
        stacked[name] = [sum(values) for values in zip(*(shares[label] for label in others), strict=True)]
    figure, axes = new_figure(3.2)
    areas = axes.stackplot(steps, list(stacked.values()), labels=list(stacked), colors=SERIES, edgecolor=LINE)
    for area, hatch in zip(areas, ("", "///", "...", "\\\\\\", "xxx", "ooo", "---", "|||"), strict=False):
        area.set_hatch(hatch)
    axes.set_xlim(steps[0], steps[-1])
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("environment steps")
    axes.set_ylabel("share of the actions")
    legend_below(figure, axes)
    ends = ", ".join(f"{label} {percent(values[-1])}" for label, values in stacked.items())
    return svg(figure, f"Stacked areas of the share of each action over environment steps; at the end: {ends}")


def _training(
    curves: Mapping[str, Points], what: str, share: bool = False, bands: Mapping[str, Band] | None = None
) -> Markup:
    figure, axes = new_figure(3.2)
    draw_lines(axes, curves, bands)
    axes.set_xlabel("environment steps")
    axes.set_ylabel(what)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlim(left=-0.03 * max((x for points in curves.values() for x, _ in points), default=1))
    if share:
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    else:
        axes.axhline(0, color=SOFT, linewidth=0.8)
    if sum(bool(points) for points in curves.values()) > 1:
        legend_below(figure, axes)
    ends = ", ".join(f"{name} {points[-1][1]:.3f}" for name, points in curves.items() if points)
    return svg(figure, f"Line chart of {what} over environment steps; at the end: {ends}")


def _column(history: Sequence[Mapping[str, Any]], key: str) -> Points:
    return [(row["timesteps"], row[key]) for row in history if row.get(key) is not None]
