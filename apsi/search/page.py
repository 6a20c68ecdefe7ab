"""One self-contained HTML page that shows a search."""

import csv
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apsi.config.schema import training_budget
from apsi.installation import command
from apsi.photo.write import atomic, write_text
from apsi.search import plots
from apsi.web.page import render

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

_WORDS = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "still running",
    "WAITING": "waiting",
}
_MOSTLY_CHANCE, _ROUGH = 3, 10
"""Complete trials per parameter: with fewer, importances are mostly chance, or rough"""


@dataclass(frozen=True)
class Plot:
    """One plot of the page, or why it can't be drawn."""

    title: str
    caption: str
    svg: str
    missing: str = ""
    warning: str = ""


def write_page(study: "Study", folder: Path, objective: Sequence[str], best: Sequence[Path]) -> Path:
    """Writes `report.html` and `trials.csv`.

    Args:
        study: the search.
        folder: where to.
        objective: names of the figures that are optimised.
        best: presets of the best trials.
    """
    trials = study.get_trials(deepcopy=False)
    rows = [_row(trial, objective) for trial in trials]
    parameters = sorted({name for trial in trials for name in trial.params})
    columns = ["trial", "state", *objective, "seconds", *parameters, "error"]
    states = {row["state"] for row in rows}
    page = render(
        "apsi.search",
        "search.html.j2",
        name=study.study_name,
        objective=objective,
        objectives=[f"the {'highest' if _maximise(study, i) else 'lowest'} {name}" for i, name in enumerate(objective)],
        counts=[
            f"{sum(row['state'] == state for row in rows)} {word}" for state, word in _WORDS.items() if state in states
        ],
        columns=columns,
        numbers=["trial", *objective, "seconds"],
        rows=rows,
        reached=[dict(zip(objective, trial.values, strict=True)) | {"trial": trial.number} for trial in _best(study)],
        alike=len(_complete(study)) > 1 and len({tuple(trial.values) for trial in _complete(study)}) == 1,
        best=[(path.stem, path.read_text(encoding="utf-8")) for path in best],
        command=command(),
        folder=folder,
        plots=_plots(study, objective),
    )
    write_text(folder / "report.html", page)
    with atomic(folder / "trials.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
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


def _maximise(study: "Study", index: int) -> bool:
    return study.directions[index].name == "MAXIMIZE"


def _complete(study: "Study") -> "list[FrozenTrial]":
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def _best(study: "Study") -> "list[FrozenTrial]":
    if not _complete(study):
        return []
    return list(study.best_trials) if len(study.directions) > 1 else [study.best_trial]


def _plots(study: "Study", objective: Sequence[str]) -> list[Plot]:
    trials = _complete(study)
    drawn: list[Plot] = []
    for i, name in enumerate(objective):
        maximise = _maximise(study, i)
        drawn += [
            _plot(
                f"{name}, trial after trial",
                "A line that no longer rises says that the search has found what it can."
                if maximise
                else "A line that no longer falls says that the search has found what it can.",
                partial(plots.history, trials, name, i, maximise),
            ),
            _plot(
                f"Which parameter mattered for {name}",
                "Estimated by fANOVA (Hutter et al. 2014) from the complete trials.",
                partial(plots.importance, study, name, i),
                too_few(trials),
            ),
            _plot(f"{name} by parameter", "Each dot is a trial.", partial(plots.by_parameter, trials, name, i)),
            _plot(
                f"All parameters of a trial, by {name}",
                "Each line from top to bottom is a trial; the best are highlighted.",
                partial(plots.side_by_side, trials, name, i, maximise),
            ),
        ]
    for x, y in combinations(range(len(objective)), 2):
        title = f"{objective[y]} against {objective[x]}"
        drawn.append(_plot(title, "Each dot is a trial.", partial(plots.trade_off, study, trials, objective, x, y)))
    if len(objective) == 1:
        caption, steps = validations(study)
        draw = partial(plots.during_training, study.get_trials(deepcopy=False), objective[0], steps)
        drawn.append(_plot("Validation during training", caption, draw))
    return drawn


def too_few(trials: "Sequence[FrozenTrial]") -> str:
    """A warning where importances can't be trusted."""
    parameters = len({name for trial in trials for name in trial.params})
    if len(trials) >= _ROUGH * parameters:
        return ""
    said = f"{len(trials)} complete trial{'s' if len(trials) != 1 else ''} for {parameters} parameters: "
    if len(trials) < _MOSTLY_CHANCE * parameters:
        said += "too few. The shares and their order are mostly chance."
    else:
        said += "the shares are rough."
    return f"{said} From about {_ROUGH * parameters} trials on, ten for each parameter, they say more."


def validations(study: "Study") -> tuple[str, list[int] | None]:
    """A caption about the validations, and the environment steps of each if they are the same in all trials."""
    settings = study.user_attrs.get("settings", {})
    train = settings.get("config", {}).get("train", {})
    seeds = len(settings.get("seeds", []))
    every = train.get("eval_every")
    total, unit = training_budget({"total_timesteps": None, **train})
    if every is None or total is None:  # which are searched themselves
        return "Each dot is a validation; trials validate at different environment steps.", None
    said = f"Each dot is a validation, one every {every:,} {unit}"
    count = math.ceil(total / every)
    if unit != "environment steps" and seeds <= 1:
        return f"{said}.", None
    if seeds > 1:
        return f"{said}, {count} for each of {seeds} seeds, one seed after the other.", None
    return f"{said}.", [min(number * every, total) for number in range(1, count + 1)]


def _plot(title: str, caption: str, draw: Callable[[], str], warning: str = "") -> Plot:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's, about experimental features
        try:
            return Plot(title, caption, draw(), warning=warning)
        except (ValueError, RuntimeError, ZeroDivisionError, IndexError) as error:
            return Plot(title, caption, "", missing=f"Not enough trials to draw this yet: {error}")
