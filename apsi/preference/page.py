"""The page about a fitted model of a person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.ticker import PercentFormatter
from scipy.special import expit

from apsi.interval import interval_text
from apsi.juror.preference import PRIOR, Fitted
from apsi.juror.preference_features import WORDS
from apsi.photo.write import write_text
from apsi.preference.curve import Step
from apsi.preference.pictures import Liked
from apsi.preference.summary import best_rule, standing
from apsi.web.page import percent, render
from apsi.web.plots import INK, SERIES, SOFT, STYLE, legend_below, new_figure, svg

_CLEAR = 1.96
_WEIGHTS = 12


def write_page(
    path: Path,
    figures: Mapping[str, Any],
    *,
    fitted: Fitted,
    steps: Sequence[Step],
    outlook: str,
    most: Sequence[Liked],
    least: Sequence[Liked],
    next_steps: Sequence[tuple[str, str]],
) -> None:
    """Writes the page.

    Args:
        path: of it.
        figures: see `apsi.preference.summary`.
        fitted: the model.
        steps: the learning curve.
        outlook: what further answers would bring.
        most: versions that it likes most.
        least: versions that it likes least.
        next_steps: what one may do now, in words, and the command for it.
    """
    page = render(
        "apsi.preference",
        "preference.html.j2",
        figures=figures,
        headline=headline(figures),
        rows=_accuracies(figures),
        sides=_sides(figures["sides"]),
        weights=weights_of(fitted),
        reliability=_reliability(figures["reliability"]) if figures.get("reliability") else None,
        curve=_curve(steps, figures) if len(steps) > 1 else None,
        outlook=outlook,
        most=most,
        least=least,
        next_steps=next_steps,
        interval=lambda ends: interval_text(ends, ".0%") if ends else "none: one photo",
        text=lambda ends: interval_text(tuple(ends), ".2f"),
    )
    write_text(path, page)


def headline(figures: Mapping[str, Any]) -> str:
    """What came out, in a sentence."""
    accuracy = figures.get("accuracy")
    if accuracy is None:
        return "All held-out answers are ties: nothing can be said of how good the model is."
    best = best_rule(figures)
    own, others = percent(accuracy["model"]["share"]), percent(accuracy[best]["share"])
    said = f"It predicts {own} of the held-out choices, '{best}' {others}"
    return (
        said
        + {
            "ahead": ".",
            "unclear": ": by these answers the difference may be chance.",
            "behind": ": the simple rule is better, so do not use this model yet.",
        }[standing(figures)]
    )


def weights_of(fitted: Fitted) -> list[dict[str, Any]]:
    """The features that move the utility most, in words; those of statistics and networks have none."""
    errors = np.sqrt(np.diag(fitted.head.covariance))
    rows: list[dict[str, Any]] = []
    for name, weight, error, scale in zip(
        fitted.header.names, fitted.head.weights, errors, fitted.head.scale, strict=True
    ):
        words = "the prior juror scores it higher" if name == PRIOR else WORDS.get(name)
        if words is not None and scale > 0:
            ends = (weight - _CLEAR * error, weight + _CLEAR * error)
            likes = "likes" if ends[0] > 0 else "dislikes" if ends[1] < 0 else "not clear"
            rows.append({"name": name, "words": words, "weight": float(weight), "ends": ends, "likes": likes})
    return sorted(rows, key=lambda row: -abs(row["weight"]))[:_WEIGHTS]


def _accuracies(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    accuracy = figures.get("accuracy", {})
    behind = figures.get("ahead_of", {})
    return [{"name": name, **one, "ahead": behind.get(name)} for name, one in accuracy.items()]


def _sides(sides: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each person, how often the left one of two equal versions is taken, ties left out, in place of log-odds."""
    ends = [(one["log_odds"], one["interval"]) for one in sides.values()]
    return [{"share": float(expit(side)), "interval": tuple(expit(interval).tolist())} for side, interval in ends]


@rc_context(STYLE)
def _reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Predicted probability of the left against its share."""
    figure, axes = new_figure(3.4)
    axes.plot((0, 1), (0, 1), color=SOFT, linewidth=1.0, linestyle="--", label="as predicted")
    x, y = [one["predicted"] for one in bins], [one["observed"] for one in bins]
    for one in bins:
        axes.plot((one["predicted"],) * 2, one["interval"], color=INK, linewidth=1.2)
    axes.plot(x, y, color=SERIES[0], marker="o", markersize=6, linewidth=1.4, label="held-out answers")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("predicted probability of the left")
    axes.set_ylabel("share of the left")
    legend_below(figure, axes)
    said = ", ".join(f"{a:.0%} predicted, {b:.0%} seen" for a, b in zip(x, y, strict=True))
    return svg(figure, f"Reliability diagram: {said}")


@rc_context(STYLE)
def _curve(steps: Sequence[Step], figures: Mapping[str, Any]) -> Markup:
    """Accuracy by the number of answers, beside rules that need none, and the ceiling."""
    figure, axes = new_figure(3.2)
    x, y = [step.answers for step in steps], [step.accuracy for step in steps]
    low, high = ([step.accuracy + sign * step.spread for step in steps] for sign in (-1, 1))
    axes.fill_between(x, low, high, color=SERIES[0], alpha=0.16, linewidth=0)
    axes.plot(x, y, color=SERIES[0], marker="o", markersize=5, label="model")
    for i, (name, one) in enumerate(figures.get("accuracy", {}).items()):
        if name != "model":
            axes.axhline(one["share"], color=SERIES[i], linestyle=("-", "--", "-.", ":")[i % 4], label=name)
    if (limit := figures["ceiling"]["accuracy"]) is not None:
        axes.axhline(limit, color=INK, linewidth=1.0, label="at most, by repeats")
    axes.set_xscale("log")
    axes.set_xticks(x, [str(n) for n in x])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("answers")
    axes.set_ylabel("accuracy")
    legend_below(figure, axes)
    return svg(figure, f"Learning curve: {', '.join(f'{b:.0%} with {a} answers' for a, b in zip(x, y, strict=True))}")
