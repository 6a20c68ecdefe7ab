"""The page that compares runs, and short names for them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from apsi.config.compose import OF_THIS_RUN
from apsi.config.options import option_of
from apsi.evaluate import plots
from apsi.evaluate.comparison import (
    Compared,
    Difference,
    band,
    difference,
    differing_params,
    recovered_difference,
    rows,
)
from apsi.evaluate.truth import MEASURES
from apsi.interval import interval_text, rate_interval
from apsi.photo.write import atomic, write_text
from apsi.web.page import percent, render, with_sign

FILES = ("comparison.html", "comparison.csv")
"""What a comparison leaves"""
_SHOWN = 3
"""Settings in a name, at most"""


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
    bands = [band(run) for run in runs]
    write_text(folder / "comparison.html", comparison_page(runs, table, differences, differing_params(runs), bands))


def comparison_page(
    runs: Sequence[Compared],
    rows: Sequence[Mapping[str, Any]],
    differences: Sequence[tuple[Difference, Difference]],
    differing: Mapping[str, Sequence[str]],
    bands: Sequence[plots.Band],
) -> str:
    """A page that needs no other file.

    Args:
        runs: one or more that were tested on the same episodes.
        rows: figures of each.
        differences: of each but the first, from the first: in success and in gain.
        differing: settings that are not the same in all runs, with the value in each.
        bands: lowest and highest of the curves of a group; empty for a single run.
    """
    letters, names = ascii_letters(len(runs)), short_names(differing, len(runs))
    if any(run.members for run in runs):
        names = [run.name for run in runs]
    labels = [f"{letter}: {name}" if name else letter for letter, name in zip(letters, names, strict=True)]
    curves = {label: run.curve for label, run in zip(labels, runs, strict=True) if run.curve}
    photos = runs[0].sample(0).photos
    return render(
        "apsi.evaluate",
        "comparison.html.j2",
        runs=runs,
        letters=letters,
        names=names,
        rows=rows,
        interval_text=interval_text,
        intervals=[interval_text(rate_interval(run.sample(0))) for run in runs],
        differences=[None, *differences],
        recovered=[None, *(recovered_difference(runs[0], run) for run in runs[1:])],
        measures=[name for name in MEASURES if any(row.get(f"{name}_after") is not None for row in rows)],
        verdicts=[
            _verdict(label, run, *both) for label, run, both in zip(labels[1:], runs[1:], differences, strict=True)
        ],
        first=labels[0],
        params=differing,
        curves_svg=plots.learning_curves(curves, dict(zip(labels, bands, strict=True))) if curves else "",
        what="groups of runs" if any(run.members for run in runs) else "runs",
        photos=photos,
    )


def ascii_letters(count: int) -> list[str]:
    """A, B, ..., Z, A2, B2, ..."""
    rounds = [""] + [str(i) for i in range(2, 2 + count // len(ascii_uppercase))]
    return [letter + suffix for suffix in rounds for letter in ascii_uppercase][:count]


def short_names(differing: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """A short name for each run by its differing settings: `algo=dqn, seed=2`; empty where none differ.

    Where a component differs, its name stands for all its settings.

    Args:
        differing: settings that are not the same in all runs, with the value in each.
        count: number of runs.
    """
    settings = {key: values for key, values in differing.items() if key.split(".")[0] not in OF_THIS_RUN}
    components = [key.removesuffix("._target_") for key in settings if key.endswith("._target_")]
    named: dict[str, Sequence[str]] = {}
    for key, values in sorted(settings.items(), key=lambda item: (not item[0].endswith("._target_"), item[0])):
        name = key.removesuffix("._target_")
        if any(key.startswith(f"{component}.") and name != component for component in components):
            continue
        named[name] = _options(name, values) if key.endswith("._target_") else values
    shown = list(named)[:_SHOWN]
    return [", ".join(f"{name}={named[name][i] or 'none'}" for name in shown) for i in range(count)]


def _options(place: str, targets: Sequence[str]) -> list[str]:
    """Names of a group's options; for other components class names, or module names where class names are equal."""
    options = [option_of(place, target) for target in targets]
    if all(options) and len(set(options)) == len(set(targets)):
        return [str(option) for option in options]
    parts = [target.split(".") for target in targets]
    modules = {tuple(part[:-1]) for part in parts}
    shown = -2 if len(modules) == len({tuple(part) for part in parts}) else -1
    return [part[shown] if len(part) > 1 else part[-1] for part in parts]


def _verdict(label: str, run: Compared, success: Difference, gain: Difference) -> str:
    """The result of one run as a sentence."""
    return (
        f"{label}: success in {percent(run.figures['success_rate'])} of the episodes, {_more_or_less(success)}; "
        f"mean gain {with_sign(run.figures['mean_gain'], 2)}, {_more_or_less(gain)}."
    )


def _more_or_less(found: Difference) -> str:
    if found.mean == 0:
        return "no difference"
    word = f"{abs(found.mean):.3f} {'more' if found.mean > 0 else 'less'}"
    if found.interval is None:
        return f"{word} (one photo: whether that is chance can't be told)"
    low, high = found.interval
    sure = "which may be chance" if low <= 0 <= high else "which is more than chance"
    return f"{word} (95 % interval {interval_text(found.interval, '+.3f')}), {sure}"
