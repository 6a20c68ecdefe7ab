"""Fills the pages with what the code says of itself, so that adding a component edits no page. MkDocs calls it.

A line `<!-- NAME -->` or `<!-- NAME ARGUMENT -->` in a page is replaced by the table of that name. A line
`<!-- not run: REASON -->` says why no test runs the block of code below it, and is left out.
"""

import ast
import inspect
import json
import re
import sys
from dataclasses import asdict
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from gymnasium.spaces import Box, Discrete
from hydra.utils import get_class

from apsi.acquire.local import Local
from apsi.config import schema
from apsi.config.options import about
from apsi.installation import CONFIG_DIR
from apsi.monitoring.machine import Machine
from apsi.monitoring.metrics import Metrics, described
from apsi.serve.acquisition.jobs import Jobs
from apsi.serve.acquisition.metrics import AcquisitionMetrics
from apsi.serve.acquisition.runner import Runner
from apsi.serve.admission import Admission
from apsi.serve.metrics import ServingMetrics
from apsi.tracking.names import METRICS

sys.path.append(str(Path(__file__).parent))  # MkDocs loads this file alone
from diagrams import diagram
from gallery import gallery
from stories import story

MARKER = re.compile(r"^<!-- (\w+)(?: (\S+))? -->$", re.MULTILINE)
FIGURES = Path(__file__).parent / "figures"
"""A JSON file for each figure that was measured; `benchmarks/figures.py` writes them"""
NOT_RUN = re.compile(r"^ *<!-- not run: (\S.*\S) -->\n", re.MULTILINE)
_NO_SETTING = {"_target_", "_partial_", "_recursive_", "defaults"}
_ACTIONS = {Discrete: "discrete", Box: "continuous"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs' hook: the page with its tables."""
    return MARKER.sub(lambda found: TABLES[found[1]](*filter(None, [found[2]])), NOT_RUN.sub("", markdown))


def on_post_page(output: str, **_: Any) -> str:
    """MkDocs' hook: the theme's search has a name, for those who hear the page."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')


def options(group: str) -> str:
    """The options of a group, what each is, and the settings of those that have some."""
    files = sorted((CONFIG_DIR / group).glob("*.yaml"))
    rows = [f"| `{path.stem}` | {_cell(about(group, path.stem))} |" for path in files]
    blocks = [_block(path.stem, text) for path in files if (text := _settings(path))]
    return "\n".join(["| option | what it is |", "| --- | --- |", *rows, "", *blocks])


def what(option: str) -> str:
    """What an option is, in its own words, and what has to be installed for it; `GROUP/OPTION`."""
    text = about(*option.rsplit("/", 1))
    needed = re.search(r"pip install '[^']+'", text)
    said = re.split(r": (?=[\w/@.]+=)|; by |\s+\((?:needs|pip) ", text)[0]  # without the command, which the page has
    return f"{said}.{f' Needs `{needed[0]}`.' if needed else ''}"


def settings(option: str) -> str:
    """The settings of an option, in a block that opens when it is touched; `GROUP/OPTION`."""
    path = CONFIG_DIR / f"{option}.yaml"
    text = _settings(path)
    return _block(path.stem, text) if text else "It has no settings of its own."


def root() -> str:
    """The settings that belong to no group, with their comments, as `conf/config.yaml` has them."""
    text = (CONFIG_DIR / "config.yaml").read_text(encoding="utf-8")
    own = text.partition("\n\n")[2].partition("\nhydra:")[0].strip()
    return f"```yaml\n{own}\n```"


def section(name: str) -> str:
    """The settings of `train` or `evaluate`: defaults and meanings from the schema's code."""
    wanted = f"{name.capitalize()}Settings"
    module = ast.parse(Path(schema.__file__).read_text(encoding="utf-8"))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == wanted)
    rows = []
    for field, after in pairwise(body):
        if isinstance(field, ast.AnnAssign) and field.value is not None:
            what = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
            default = yaml.safe_dump(ast.literal_eval(field.value)).split("\n", 1)[0]
            rows.append(f"| `{name}.{ast.unparse(field.target)}` | `{default}` | {_cell(what)} |")
    return "\n".join(["| setting | default | what it is |", "| --- | --- | --- |", *rows])


def common(group: str) -> str:
    """The settings that every option of a group has besides its own."""
    rows = []
    for kind in import_module(f"apsi.{group}.base").Dataset.common.values():
        body = next(n.body for n in ast.walk(ast.parse(inspect.getsource(kind))) if isinstance(n, ast.ClassDef))
        defaults = asdict(kind())
        for field, after in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
                name, what = ast.unparse(field.target), ast.literal_eval(after.value)
                default = yaml.safe_dump(defaults[name]).split("\n", 1)[0]
                rows.append(f"| `{group}.{name}` | `{default}` | {_cell(what)} |")
    return "\n".join(["| setting | default | what it is |", "| --- | --- | --- |", *rows])


def metrics() -> str:
    """The names of all metrics."""
    return "\n".join(
        ["| metric | what |", "| --- | --- |", *(f"| `{name}` | {what} |" for name, what in METRICS.items())]
    )


def prometheus() -> str:
    """The metrics that Prometheus reads, of a process, of a served juror and of an acquisition service."""
    metrics = Metrics()
    ServingMetrics(Admission(1, 1), metrics)
    jobs = Jobs(Path(":memory:"))
    least = {"max_gigabytes": 1, "max_files": 1, "max_ratio": 1, "max_depth": 1}
    AcquisitionMetrics(jobs, Runner(jobs, Path(), {}, Local(roots=[], **least), 1), 1, metrics)
    metrics.registry.register(Machine({}))
    rows = [f"| `{name}` | {kind} | {_cell(what)} |" for name, (kind, what) in described(metrics.registry).items()]
    return "\n".join(["| metric | kind | what |", "| --- | --- | --- |", *sorted(rows)])


def jurors() -> str:
    """One row an option of `juror=`, by name, made of what each says of itself."""
    rows = [
        "| juror= | what it knows | better is | native range | to 0-10 | reference | licence |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted((CONFIG_DIR / "juror").glob("*.yaml")):
        says = get_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"]).about
        better = "higher" if says.higher_is_better else "lower"
        cells = [
            f"`{path.stem}`",
            says.knows or "-",
            better,
            says.native_range,
            says.mapping,
            says.reference,
            says.licence,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def figure(where: str) -> str:
    """One of the tables of a measured figure, `NAME/TABLE`."""
    name, _, table = where.partition("/")
    found = measured(name)["tables"][table]
    rows = [
        [_number(cell, form) for cell, form in zip(row, found["columns"].values(), strict=True)]
        for row in found["rows"]
    ]
    return _table(list(found["columns"]), rows)


def taken(name: str) -> str:
    """How, when and on what a figure was measured."""
    record = measured(name)
    commands = "\n".join(["```bash", record["command"], *(f"# {line}" for line in record["runs"]), "```"])
    return f"{commands}\n\nTaken {_when(record)}{_on(record)}; {_with(record)}."


def figures() -> str:
    """When, by which commit and for how long each figure was taken."""
    header = ["figure", "taken", "commit", "seeds", "processor time", "by the clock", "load before"]
    rows = []
    for path in sorted(FIGURES.glob("*.json")):
        record = measured(path.stem)
        seeds, seconds = ", ".join(map(str, record["seeds"])), record["seconds"]
        times = [f"{seconds['cpu']:,} s", f"{seconds['wall']:,} s", f"{record['load']:.1f}"]
        rows.append([f"`{path.stem}`", record["date"], record["versions"]["commit"], seeds, *times])
    return _table(header, rows)


def measured(name: str) -> dict[str, Any]:
    """What was written down about a figure."""
    record: dict[str, Any] = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    return record


def algorithms() -> str:
    """One row an option of `algo=`: which actions it can have, and what it is."""
    rows = ["| algo= | actions | what it is |", "| --- | --- | --- |"]
    for path in sorted((CONFIG_DIR / "algo").glob("*.yaml")):
        spaces = get_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"]).action_spaces
        actions = " or ".join(word for kind, word in _ACTIONS.items() if kind in spaces)
        rows.append(f"| `{path.stem}` | {actions} | {_cell(about('algo', path.stem))} |")
    return "\n".join(rows)


TABLES = {
    "options": options,
    "what": what,
    "settings": settings,
    "common": common,
    "root": root,
    "section": section,
    "metrics": metrics,
    "algorithms": algorithms,
    "jurors": jurors,
    "diagram": diagram,
    "gallery": gallery,
    "prometheus": prometheus,
    "figure": figure,
    "taken": taken,
    "figures": figures,
    "story": story,
}
"""By the name in a page"""


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(cell: Any, form: str) -> str:
    """Text as it is, an estimate with its interval, several numbers with commas."""
    match cell:
        case None:
            return ""
        case {"mean": mean, "ci95": None}:
            return format(mean, form)
        case {"mean": mean, "ci95": (low, high)}:
            return f"{mean:{form}} ({low:{form}} to {high:{form}})"
        case list():
            return ", ".join(_number(one, form) for one in cell)
        case str():
            return cell
    return format(cell, form)


def _when(record: dict[str, Any]) -> str:
    seeds = record["seeds"]
    of = f", seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}" if seeds else ""
    return f"{record['date']}{of}"


def _on(record: dict[str, Any]) -> str:
    photos = " and ".join(f"the {one['count']:,} photos of {one['name']}" for one in record["photos"])
    return f", on {photos}"


def _with(record: dict[str, Any]) -> str:
    versions, computer = record["versions"], record["machine"]
    machine = f"{computer['cpu']}, {computer['cores']} cores, {computer['gpu'] or 'no GPU'}"
    return f"apsi {versions['apsi']}, PyTorch {versions['torch']}, {machine}"


def _settings(path: Path) -> str:
    """The file without its first comment, where there is more than a name in it: settings, or whose it takes over."""
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    inner = content.get(path.stem, content)  # one of several, as of `policy`, stands under its own name
    inherits = any(isinstance(entry, str) and entry != "_self_" for entry in content.get("defaults", ()))
    if not inherits and not (isinstance(inner, dict) and inner.keys() - _NO_SETTING):
        return ""
    lines = text.splitlines()
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "\n".join(lines)


def _block(title: str, text: str) -> str:
    """A block that opens when it is touched."""
    inner = "\n".join(f"    {line}" for line in ["```yaml", *text.splitlines(), "```"])
    return f'??? note "Settings of `{title}`"\n\n{inner}\n'


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
