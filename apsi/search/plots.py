"""Plots of a search, in the style of the other pages; importances are Optuna's."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from apsi.web.plots import INK, LINE, SERIES, SOFT, STYLE, WIDTH, legend_below, new_figure, svg

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

_TICKS, _BEST = 6, 5
"""Ticks on an axis; trials that are highlighted where all are drawn"""


@rc_context(STYLE)
def history(trials: Sequence["FrozenTrial"], name: str, index: int, maximise: bool) -> str:
    """The figure of each trial in order, and the best so far."""
    figure, axes = new_figure(3.2)
    values = [trial.values[index] for trial in trials]
    best = [(max if maximise else min)(values[: i + 1]) for i in range(len(values))]
    numbers = [trial.number for trial in trials]
    axes.plot(numbers, values, "o", color=SERIES[0], markersize=5, label="trial")
    axes.step(numbers, best, where="post", color=SERIES[1], linewidth=1.8, label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(name)
    legend_below(figure, axes)
    return svg(figure, f"{name} of {len(values)} trials in order; the best is {best[-1]:.4g}")


@rc_context(STYLE)
def importance(study: "Study", name: str, index: int) -> str:
    """How much of the differences between trials each parameter explains.

    Raises:
        ValueError, RuntimeError: too few trials, or all alike.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    if len({trial.values[index] for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"}) < 2:
        raise ValueError("all trials reached the same figure")
    found = get_param_importances(
        study, evaluator=FanovaImportanceEvaluator(seed=0), target=lambda trial: float(trial.values[index])
    )
    figure, axes = new_figure(0.9 + 0.32 * len(found))
    bars = axes.barh(list(found), list(found.values()), color=SERIES[0], height=0.6)
    axes.bar_label(bars, [f"{share:.2f}" for share in found.values()], padding=3)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel(f"share of the differences in {name}")
    said = ", ".join(f"{parameter} {share:.2f}" for parameter, share in found.items())
    return svg(figure, f"Importance of each parameter for {name}: {said}")


@rc_context(STYLE)
def by_parameter(trials: Sequence["FrozenTrial"], name: str, index: int) -> str:
    """A small plot for each parameter: its value and the trial's figure."""
    parameters = _parameters(trials)
    columns = 2
    rows = math.ceil(len(parameters) / columns)
    figure = Figure(figsize=(WIDTH, 0.4 + 2.1 * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, parameter in zip(grid.flat, parameters, strict=False):
        used = [trial for trial in trials if parameter in trial.params]
        axes.plot([t.params[parameter] for t in used], [t.values[index] for t in used], "o", color=SERIES[0])
        _scale(axes, used, parameter)
        axes.set_xlabel(parameter, fontsize=9)
        axes.tick_params(labelsize=8.5)
    for axes in grid.flat[len(parameters) :]:
        axes.set_visible(False)
    figure.supylabel(name, fontsize=10, color=INK)
    return svg(figure, f"{name} of each trial by the value of {', '.join(parameters)}")


@rc_context(STYLE)
def side_by_side(trials: Sequence["FrozenTrial"], name: str, index: int, maximise: bool) -> str:
    """Each trial as a line through its parameters' values, the best ones highlighted."""
    parameters = _parameters(trials)
    whole = [trial for trial in trials if all(parameter in trial.params for parameter in parameters)]
    figure, axes = new_figure(1.2 + 0.42 * (len(parameters) + 1))
    ranked = sorted(whole, key=lambda trial: trial.values[index], reverse=maximise)
    places = {p: _places([trial.params[p] for trial in whole], _is_log(whole, p)) for p in parameters}
    for rank, trial in reversed(list(enumerate(ranked))):
        row = whole.index(trial)
        is_best = rank < min(_BEST, max(1, len(ranked) // 4))
        axes.plot(
            [places[p][row] for p in parameters],
            range(len(parameters)),
            color=SERIES[1] if is_best else SOFT,
            alpha=1 if is_best else 0.35,
            linewidth=2 if is_best else 1,
            marker="o",
            markersize=4,
        )
    labels = [f"{p}\n{_ends([trial.params[p] for trial in whole])}" for p in parameters]
    axes.set_yticks(range(len(parameters)), labels, fontsize=8.5)
    axes.set_xticks([0, 1], ["lowest", "highest"])
    axes.invert_yaxis()
    axes.set_xlim(-0.05, 1.05)
    return svg(figure, f"Values of {', '.join(parameters)} in each trial; those of the best trials are highlighted")


@rc_context(STYLE)
def during_training(trials: Sequence["FrozenTrial"], name: str, steps: Sequence[int] | None) -> str:
    """The figure of each trial at each validation.

    Args:
        trials: with their intermediate values.
        name: of the figure.
        steps: environment steps of each validation, where they are the same in all trials.

    Raises:
        ValueError: no trial has an intermediate value.
    """
    reported = [trial for trial in trials if trial.intermediate_values]
    if not reported:
        raise ValueError("no trial reported a validation figure")
    figure, axes = new_figure(3.4)
    for trial in reported:
        numbers = sorted(trial.intermediate_values)
        x = [steps[number - 1] if steps else number for number in numbers]
        pruned = trial.state.name == "PRUNED"
        values = [trial.intermediate_values[number] for number in numbers]
        axes.plot(x, values, color=SOFT if pruned else SERIES[0], alpha=0.75, marker="o", markersize=3.5, linewidth=1.2)
        if pruned:
            axes.plot(x[-1], values[-1], "X", color=SERIES[4], markersize=8)
    axes.plot([], [], color=SERIES[0], marker="o", label="trial")
    if any(trial.state.name == "PRUNED" for trial in reported):
        axes.plot([], [], "X", color=SERIES[4], label="pruned here")
    if steps and len(steps) <= _TICKS:
        axes.set_xticks(list(steps))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("environment steps" if steps else "validation")
    axes.set_ylabel(name)
    legend_below(figure, axes)
    return svg(figure, f"{name} of {len(reported)} trials at each validation during training")


@rc_context(STYLE)
def trade_off(study: "Study", trials: Sequence["FrozenTrial"], names: Sequence[str], x: int, y: int) -> str:
    """Two figures of each trial against each other; the Pareto front is highlighted."""
    figure, axes = new_figure(3.6)
    best = {trial.number for trial in study.best_trials}
    for kind, colour, label in ((False, SOFT, "other trials"), (True, SERIES[1], "Pareto front")):
        chosen = [trial for trial in trials if (trial.number in best) is kind]
        points = [(trial.values[x], trial.values[y]) for trial in chosen]
        if points:
            axes.plot(*zip(*points, strict=True), "o" if kind else "s", color=colour, label=label)
    axes.grid(True, axis="both", color=LINE)
    axes.set_xlabel(names[x])
    axes.set_ylabel(names[y])
    legend_below(figure, axes)
    return svg(figure, f"{names[y]} against {names[x]} of {len(trials)} trials, {len(best)} on the Pareto front")


def _parameters(trials: Sequence["FrozenTrial"]) -> list[str]:
    return sorted({name for trial in trials for name in trial.params})


def _is_log(trials: Sequence["FrozenTrial"], parameter: str) -> bool:
    return any(getattr(trial.distributions.get(parameter), "log", False) for trial in trials)


def _scale(axes: Axes, trials: Sequence["FrozenTrial"], parameter: str) -> None:
    if _is_log(trials, parameter):
        values = [trial.params[parameter] for trial in trials]
        low, high = min(values), max(values)
        ticks = sorted({low, math.sqrt(low * high), high})
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
    elif all(isinstance(trial.params[parameter], int | float) for trial in trials):
        axes.xaxis.set_major_locator(MaxNLocator(4))


def _places(values: Sequence[Any], log: bool) -> list[float]:
    """Where the values lie between the lowest (0) and the highest (1); names in alphabetical order."""
    numbers = [float(v) if _is_number(v) else math.nan for v in values]
    if any(math.isnan(number) for number in numbers):
        order = sorted({str(v) for v in values})
        numbers = [float(order.index(str(v))) for v in values]
    elif log:
        numbers = [math.log(number) for number in numbers]
    low, high = min(numbers), max(numbers)
    return [0.5 if high == low else (number - low) / (high - low) for number in numbers]


def _ends(values: Sequence[Any]) -> str:
    if all(_is_number(v) for v in values):
        return f"{min(values):.3g} to {max(values):.3g}"
    names = sorted({str(v) for v in values})
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
