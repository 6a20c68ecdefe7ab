"""How people answer, and forgetting a person."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import PositiveInt
from rich.table import Table
from rich.text import Text

from apsi.console import show
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.interval import Interval, Sample, mean_interval
from apsi.photo.write import write_text
from apsi.preference.agreement import Agreement, agreement, as_numbers
from apsi.preference.answer_page import headline, number_text, range_text, remarks, share_text, write_answer_page
from apsi.preference.folder import MODEL, MODEL_FILE, PreferenceFolder
from apsi.task import builds
from apsi.tracking.run_folder import RunFolder

log = logging.getLogger(__name__)

_FITTED = (MODEL, "run.json")
"""Files of a run that may name whose answers it was fitted on, as a list `annotators`; the first is that of a model"""
_SHOWN = 10


@builds()
def answers(
    config: DictConfig,
    folder: RunFolder,
    *,
    forget: str | None,
    annotators: Sequence[str] = (),
    fast_below: PositiveInt = 400,
) -> dict[str, Any]:
    """Shows how people answer, and writes `answers.html`; or removes a person.

    Returns:
        Numbers without names. Nothing is recorded in MLflow.

    Raises:
        ApsiError: nobody answered, or nobody of this name.
    """
    folder.note(housekeeping=True)  # `latest` keeps pointing to the latest result
    if forget is None:
        return report(config, folder, annotators=annotators, fast_below=fast_below)
    done = forget_person(config, forget)
    _forget_command(config, folder)
    return done


def report(
    config: DictConfig, folder: RunFolder, *, annotators: Sequence[str] = (), fast_below: int = 400
) -> dict[str, Any]:
    """Shows the figures and writes the page.

    Raises:
        ApsiError: nobody answered.
    """
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    comparisons = preferences.comparisons(annotators, preferences.require_pairs())
    if not comparisons:
        raise ApsiError(f"nobody has answered a pair in preference_dir={preferences.path}; answer some: task=annotate")
    found = agreement(comparisons, fast_below)
    interval = _interval(found)
    page = folder.path / "answers.html"
    write_answer_page(page, found, interval, fast_below)
    told = [Text(f"Note: {remark}") for person in found.people[:_SHOWN] for remark in remarks(person)]
    show(_table(found, fast_below), *map(Text, headline(found, interval)), *told, Text(f"Page {page}"))
    return {**as_numbers(found), "agreement_ci95": interval}


def forget_person(config: DictConfig, name: str) -> dict[str, Any]:
    """Removes a person's answers from `preference_dir` for good, and names the models that were fitted on them.

    Returns:
        `lines` that were removed; `models`, the folders of runs that still hold what was learned from this person; and
        `silent`, those of models that do not say from whom they learned.

    Raises:
        ApsiError: nobody of exactly this name answered.
    """
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    lines = preferences.forget(name)
    output_dir = Path(config.output_dir).expanduser()
    models, silent = fitted_on(name, output_dir, preferences.path)
    agents = learned_from(models, output_dir)
    said = [f"Removed {lines} lines of answers from {preferences.path}."]
    if models:
        said += [f"{len(models)} models were fitted on these answers and still hold what was learned from them:"]
        said += [f"  {model}" for model in models]
        if agents:
            said += [f"{len(agents)} runs trained or judged agents by them:", *(f"  {run}" for run in agents)]
        said += ["Remove these folders, and fit again on the answers of the others. Copies of jurors and checkpoints"]
        said += [f"are also in {config.data_dir} (prepared data) and in MLflow; backups are yours to look after."]
    elif not silent:
        said += [f"No model in {config.output_dir} says that it was fitted on them; backups are yours to look after."]
    if silent:
        said += [f"{len(silent)} models do not say whose answers they were fitted on; remove those that may be theirs:"]
        said += [f"  {model}" for model in silent]
    show(*map(Text, said))
    found = {"models": models, "agents": agents, "silent": silent}
    return {"lines": lines, **{kind: [str(path) for path in paths] for kind, paths in found.items()}}


def fitted_on(name: str, output_dir: Path, preferences: Path) -> tuple[list[Path], list[Path]]:
    """The folders of runs whose records name this person among the `annotators`, and of models whose don't name any.

    Those that were fitted on the answers of another folder are none of them.
    """
    files = [path for depth in ("*/*", "*/*/*") for file in _FITTED for path in output_dir.glob(f"{depth}/{file}")]
    said: dict[Path, list[str]] = {}
    elsewhere = set()
    for path in files:
        record = _record(path)
        found = record.get("annotators")
        said.setdefault(path.parent, []).extend(map(str, found) if isinstance(found, list) else [])
        if record.get("preference_dir", str(preferences.resolve())) != str(preferences.resolve()):
            elsewhere.add(path.parent)
    said = {run: names for run, names in said.items() if run not in elsewhere}
    models = {path.parent for path in files if path.name == MODEL} - elsewhere
    return sorted(run for run, names in said.items() if name in names), sorted(run for run in models if not said[run])


def learned_from(models: Sequence[Path], output_dir: Path) -> list[Path]:
    """Runs whose configuration names the file of one of these models: their checkpoints hold it, too."""
    files = [f"{model.name}/{MODEL_FILE}" for model in models]
    configs = [path for depth in ("*/*", "*/*/*") for path in output_dir.glob(f"{depth}/config.yaml")]
    texts = {path.parent: path.read_text(encoding="utf-8", errors="replace") for path in configs}
    return sorted(run for run, text in texts.items() if any(file in text for file in files))


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s can't be read (%s)", path, error)
        return {}
    return record if isinstance(record, dict) else {}


def _forget_command(config: DictConfig, folder: RunFolder) -> None:
    """The record of the run that forgot a person does not keep the name either."""
    unnamed = config.copy()
    unnamed.task.forget = None
    folder.write_config(unnamed)
    given = OmegaConf.load(folder.path / "overrides.yaml")
    kept = [str(one) for one in given if not str(one).lstrip("+").startswith("task.forget=")]
    write_text(folder.path / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(kept)))
    folder.note(command=f"{command()} task=answers task.forget=...")


def _interval(found: Agreement) -> Interval | None:
    if found.mean is None:
        return None
    return mean_interval(Sample.of([found.shares], [found.photos]))


def _table(found: Agreement, fast_below: int) -> Table:
    table = Table(title="How people answer")
    for column in (
        *("person", "answers", "says the same again", "chose left", "95 % interval", "ties", "skips", "seconds"),
        *(f"under {fast_below} ms", "of these like the rest"),
    ):
        table.add_column(column, justify="left" if column == "person" else "right", overflow="fold")
    for person in found.people:
        again = f"{share_text(person.itself)} of {person.itself.of}" if person.itself.of else "-"
        sides = (share_text(person.left), range_text(person.left.interval))
        rest = (share_text(person.ties), share_text(person.skips), number_text(person.seconds, ".1f"))
        hasty = (share_text(person.fast), share_text(person.fast_agrees))
        table.add_row(Text(person.name), str(person.answers), again, *sides, *rest, *hasty)
    return table
