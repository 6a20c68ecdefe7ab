"""One self-contained HTML page that shows a search."""

import csv
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from apsi.evaluate.plots import svg
from apsi.photo.write import atomic, write_text

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def write_page(study: "Study", folder: Path, objective: Sequence[str], best: Sequence[Path]) -> Path:
    """Writes `report.html` and `trials.csv`.

    Args:
        study: the search.
        folder: where to.
        objective: the figures searched for.
        best: presets of the best trials.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("apsi.search", "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    trials = study.get_trials(deepcopy=False)
    rows = [_row(trial, objective) for trial in trials]
    parameters = sorted({name for trial in trials for name in trial.params})
    page = environment.get_template("search.html.j2").render(
        name=study.study_name,
        objective=objective,
        directions=[direction.name.lower() for direction in study.directions],
        counts={state: sum(row["state"] == state for row in rows) for state in sorted({row["state"] for row in rows})},
        columns=["trial", "state", *objective, "seconds", *parameters, "error"],
        rows=rows,
        best=[(path.stem, path.read_text(encoding="utf-8")) for path in best],
        folder=folder,
        plots=_plots(study, objective),
    )
    write_text(folder / "report.html", page)
    with atomic(folder / "trials.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["trial", "state", *objective, "seconds", *parameters, "error"])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "report.html"


def _row(trial: "FrozenTrial", objective: Sequence[str]) -> dict[str, Any]:
    values = trial.values or [None] * len(objective)
    return {
        "trial": trial.number,
        "state": trial.state.name,
        **dict(zip(objective, values, strict=True)),
        "seconds": round(trial.duration.total_seconds(), 1) if trial.duration else None,
        **trial.params,
        "error": trial.user_attrs.get("error"),
    }


def _plots(study: "Study", objective: Sequence[str]) -> list[tuple[str, str, str]]:
    """For each plot its title, its SVG text, and what to say where it can't be drawn."""
    from optuna.visualization import matplotlib as draw

    plots: list[tuple[str, Callable[..., Any], dict[str, Any]]] = []
    for i, name in enumerate(objective):
        one: dict[str, Any] = {"target_name": name}
        if len(objective) > 1:
            one["target"] = partial(_value, i)
        plots += [
            (f"History of {name}", draw.plot_optimization_history, one),
            (f"Importance for {name}", draw.plot_param_importances, one),
            (f"{name} by parameter", draw.plot_slice, one),
            (f"Parameters side by side, {name}", draw.plot_parallel_coordinate, one),
        ]
    if len(objective) > 1:
        plots.append(("What can't be had together", draw.plot_pareto_front, {"target_names": list(objective)}))
    else:
        plots.append(("Values on the way", draw.plot_intermediate_values, {}))
    return [(title, *_drawn(partial(draw_it, study, **more))) for title, draw_it, more in plots]


def _value(index: int, trial: "FrozenTrial") -> float:
    return float(trial.values[index])


def _drawn(plot: Callable[[], Any]) -> tuple[str, str]:
    from matplotlib import pyplot, rc_context

    with rc_context({"savefig.bbox": "tight"}), warnings.catch_warnings():  # Optuna changes matplotlib's style
        warnings.simplefilter("ignore")
        try:
            axes = plot()
            figure = (axes.flat[0] if hasattr(axes, "flat") else axes).figure
            width, height = figure.get_size_inches()
            figure.set_size_inches(max(width, 9), height)
            return svg(figure), ""
        except (ValueError, RuntimeError, ZeroDivisionError) as error:
            return "", f"Not enough trials to draw this yet: {error}"
        finally:
            pyplot.close("all")
