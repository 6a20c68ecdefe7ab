"""Texts of a run's record: its name, description, params and tags."""

import getpass
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi.config.compose import flat
from apsi.config.instantiate import instantiate
from apsi.tracking.run_folder import RunFolder

DESCRIPTION = "mlflow.note.content"
_TAG_LENGTH = 5000  # that MLflow takes
_NAMING = ("algo", "reward")
_BY_TIME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}")
"""What `run_name` is where nobody named the run"""


def run_name(config: DictConfig, choices: Mapping[str, str]) -> str:
    """The name of a run in a list, such as `ppo seed 1, rl_guide, photos`, after the one that it was given.

    Args:
        config: a whole configuration.
        choices: option by group, as far as they are known; others are named after their class.
    """
    parts = [choices.get(group) or _option(config[group]) for group in _NAMING]
    path = config.dataset.get("path")
    parts.append(Path(path).expanduser().resolve().name if path else choices.get("dataset") or _option(config.dataset))
    given = [] if _BY_TIME.fullmatch(config.run_name) else [config.run_name]
    trial = [] if config.search.trial is None else [f"trial {config.search.trial}"]
    parts[0] += f" seed {config.seed}"
    fold = OmegaConf.select(config, "preprocess.steps.split.fold")
    return ", ".join([*given, *trial, *([] if fold is None else [f"fold {fold}"]), *parts])


def _option(node: DictConfig) -> str:
    name = str(node["_target_"]).rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def params_and_tags(config: DictConfig, folder: RunFolder) -> tuple[dict[str, str], dict[str, str]]:
    """Params: the flat configuration and the chosen options. Tags: description, source, code, versions, machine."""
    record = folder.record()
    git = record["git"]
    params = flat(config) | {
        f"choices.{group.replace('@', ' at ')}": option  # MLflow takes no @ in a name
        for group, option in record["choices"].items()
    }
    tags = {
        DESCRIPTION: description(record),
        "apsi.folder": str(folder.path.resolve()),
        "apsi.version": record["apsi"],
        "apsi.command": record["command"],
        "apsi.overrides": " ".join(OmegaConf.load(folder.path / "overrides.yaml")),
        "apsi.device": instantiate(config.device).activate(),
        "apsi.git.dirty": str(git["dirty"]),
        "mlflow.source.name": Path(sys.argv[0]).name,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": str(git["commit"]),
        **_user(),
        **{f"apsi.{name}": record[name] for name in ("host", "python", "platform", "rerun_of") if name in record},
        **{f"apsi.library.{name}": str(version) for name, version in record["libraries"].items()},
    }
    if config.search.parent_run is not None:
        tags["mlflow.parentRunId"] = config.search.parent_run
    if config.search.trial is not None:
        tags["apsi.trial"] = str(config.search.trial)
    return params, {name: str(value)[:_TAG_LENGTH] for name, value in tags.items()}


def description(record: Mapping[str, Any], summary: Mapping[str, Any] | None = None) -> str:
    """Markdown: what was run and, once it is evaluated, its results.

    Args:
        record: what `run.json` says.
        summary: what `summary.json` says.
    """
    lines = [f"`{record['command']}`"]
    if summary is not None:
        lines += [
            "",
            f"{summary['episodes']} episodes of the {summary['split']} split:",
            "",
            "| policy | success | mean gain | steps | juror calls | recovered | nearer | harm |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *_rows(summary["policies"]),
            "",
            "Pictures and all figures: report.html and results.csv among the artifacts.",
        ]
    return "\n".join(lines)[:_TAG_LENGTH]


def _rows(policies: Mapping[str, Any]) -> Iterator[str]:
    for name, p in policies.items():
        interval = p["success_ci95"]
        seen = " (sees the original)" if p["sees_original"] else ""
        truths = " | ".join("-" if p[name] is None else f"{p[name]:.2f}" for name in ("recovered", "nearer", "harm"))
        within = f" ({interval[0]:.3f} - {interval[1]:.3f})" if interval else ""
        yield (
            f"| {name}{seen} | {p['success_rate']:.3f}{within} | {p['mean_gain']:+.3f} | {p['mean_steps']:.2f} "
            f"| {p['juror_calls']} | {truths} |"
        )


def _user() -> dict[str, str]:
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):  # a container whose user has no name
        return {}
