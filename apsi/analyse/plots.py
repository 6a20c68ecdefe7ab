"""Plots of an analysis."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context

from apsi.analyse.scores import Cost, SplitScores
from apsi.analyse.structure import Structure
from apsi.juror.base import SCORE_MAX
from apsi.web.plots import INK, SERIES, SOFT, STYLE, legend_below, new_figure, svg

_BINS = 25
_MOST_COSTS, _MOST_DOTS = 40, 1500
_MARKERS = "os^DvPX*<>hd"
_LINES = ("-", "--", ":")


@rc_context(STYLE)
def score_histogram(scores: SplitScores) -> Markup:
    """How many photos and degraded copies have which score."""
    figure, axes = new_figure(2.8)
    series = {"photos": scores.originals, "degraded copies": scores.degraded}
    edges = list(np.histogram_bin_edges(np.concatenate(list(series.values())), _BINS))
    for (name, values), colour in zip(series.items(), SERIES, strict=False):
        if len(values):
            weights = np.full(len(values), 1 / len(values))
            axes.hist(values, bins=edges, weights=weights, alpha=0.6, label=name, color=colour)
    axes.set_xlabel(f"score, 0 to {SCORE_MAX:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    legend_below(figure, axes)
    medians = ", ".join(f"{name} {np.median(values):.2f}" for name, values in series.items() if len(values))
    return svg(figure, f"Histogram of scores of photos and of degraded copies; medians: {medians}")


@rc_context(STYLE)
def split_histogram(splits: Sequence[SplitScores]) -> Markup:
    """The scores of the photos of each split, as shares of the split."""
    shown = [one for one in splits if len(one.originals)]
    if not shown:
        return Markup("")
    figure, axes = new_figure(2.8)
    edges = list(np.histogram_bin_edges(np.concatenate([one.originals for one in shown]), _BINS))
    for i, one in enumerate(shown):
        axes.hist(
            one.originals,
            bins=edges,
            weights=np.full(len(one.originals), 1 / len(one.originals)),
            histtype="step",
            linewidth=1.8,
            linestyle=_LINES[i % len(_LINES)],
            color=SERIES[i],
            label=f"{one.split} ({len(one.originals)})",
        )
    axes.set_xlabel(f"score of the photo, 0 to {SCORE_MAX:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    legend_below(figure, axes)
    medians = ", ".join(f"{one.split} {np.median(one.originals):.2f}" for one in shown)
    return svg(figure, f"Histogram of the scores of photos by split; medians: {medians}")


@rc_context(STYLE)
def cost_bars(costs: Sequence[Cost]) -> Markup:
    """What each transform costs, with the middle nine tenths of the drops."""
    shown = costs[:_MOST_COSTS]
    if not shown:
        return Markup("")
    figure, axes = new_figure(0.9 + 0.24 * len(shown))
    axes.barh([cost.label for cost in shown], [cost.share for cost in shown], height=0.6, color=SERIES[0])
    for i, cost in enumerate(shown):
        low, high = cost.drop.quantiles[1], cost.drop.quantiles[-2]
        axes.plot((low, high), (i, i), color=INK, linewidth=1.2, marker="|", markersize=7)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.invert_yaxis()
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel("points of score that it costs")
    said = ", ".join(f"{cost.label} {cost.share:.2f}" for cost in shown[:6])
    return svg(figure, f"Bar chart of what each transform costs in score; the dearest: {said}")


@rc_context(STYLE)
def seconds_bars(seconds: Mapping[str, float]) -> Markup:
    """How long each step took."""
    figure, axes = new_figure(0.8 + 0.26 * len(seconds))
    bars = axes.barh(list(seconds), list(seconds.values()), height=0.6, color=SERIES[5])
    axes.bar_label(bars, [f"{value:.1f}" for value in seconds.values()], padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel("seconds")
    said = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    return svg(figure, f"Bar chart of the seconds of each step: {said}")


@rc_context(STYLE)
def photo_map(structure: Structure, seed: int) -> Markup:
    """Every photo a dot, near those that it is like; at most 1,500, drawn by seed."""
    figure, axes = new_figure(3.6)
    order = np.random.default_rng(seed).permutation(len(structure.place))
    shown = np.sort(order[:_MOST_DOTS])
    for i in range(structure.count):
        dots = structure.place[shown[structure.cluster[shown] == i]].round(3)
        axes.plot(
            *dots.T,
            linestyle="none",
            marker=_MARKERS[i % len(_MARKERS)],
            markersize=3.5,
            color=SERIES[i % len(SERIES)],
            label=f"group {i + 1}",
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    legend_below(figure, axes)
    return svg(figure, f"Map of {len(shown)} photos by {structure.map}, marked by {structure.count} groups")
