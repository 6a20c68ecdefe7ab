"""What stands for the places that only a reader knows, and the values with which any command takes seconds."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep
from omegaconf import DictConfig, OmegaConf

from apsi.arguments import config_dir, prepare
from apsi.config import schema
from apsi.config.quoting import quote
from apsi.installation import CONFIG_DIR
from tests.fast import SMALL

_AT_MOST = {
    "dataset.enlarge.train": 2,
    "dataset.enlarge.val": 1,
    "dataset.enlarge.test": 1,
    "train.total_timesteps": 256,
    "train.total_episodes": 64,
    "train.epochs": 2,
    "train.n_envs": 8,
    "train.eval_every": 128,
    "train.eval_episodes": 4,
    "train.checkpoint_every": 128,
    "train.images": 0,
    "evaluate.episodes": 4,
    "evaluate.images": 2,
    "algo.n_epochs": 2,
    **{f"algo.{name}": value for name, value in SMALL.items()},
    "task.folds": 2,
    "transform.bins": 6,
    "task.tuning.epochs": 1,
    "search.trials": 2,
    "hydra.sweeper.n_trials": 2,
}
"""Each replaces what the configuration has where that is more"""


_AGENT = "outputs/.../checkpoints/best.zip"


def one_of(override: str) -> str:
    """The first value of several that a multirun goes through."""
    parsed = OverridesParser.create().parse_override(override)
    match parsed._value:
        case ChoiceSweep(list=values):
            return f"{override.partition('=')[0]}={values[0]}"
        case IntervalSweep(start=start):
            return f"{override.partition('=')[0]}={start}"
    return override


def composed(arguments: list[str], hydra: bool = False) -> DictConfig:
    """What Hydra makes of the arguments of a command, without reading a checkpoint that it names."""
    prepared = prepare(arguments)
    overrides = [one_of(word) for word in prepared if not word.startswith("-")]
    if own := config_dir(prepared):
        overrides.append(f"hydra.searchpath=[file://{own.absolute()}]")
    schema.register()
    with initialize_config_dir(str(CONFIG_DIR)):
        config = compose("config", overrides=overrides, return_hydra_config=hydra)
    return config if hydra else OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def small(arguments: list[str], config: DictConfig) -> list[str]:
    """The arguments, two values of what a multirun goes through, and smaller ones for what they set or leave large.

    Where a checkpoint decides on the algorithm, that stays as it is, and where a record decides on all, all does.
    """
    if "task=rerun" in arguments:
        return arguments
    overrides = [word for word in map(quote, arguments) if not word.startswith("-")]
    swept = {word.partition("=")[0] for word in overrides if one_of(word) != word}
    added = []
    fixed = set() if config.checkpoint is None and config.resume in (None, "auto", "never") else {"algo"}
    kept = {"train.total_timesteps": 2 * (config.train.keep_every or 0)}  # so that there is what is kept
    for key, usual in _AT_MOST.items():
        value, limit = OmegaConf.select(config, key), max(usual, kept.get(key, 0))
        if isinstance(value, int) and value > limit and not {key, key.partition(".")[0]} & (swept | fixed):
            added.append(f"{key}={limit}")
    return [*map(_two_of, arguments), *added]


def _two_of(argument: str) -> str:
    """`seed=1,2` of `seed=1,2,3`."""
    return re.sub(r"^([\w./@]+=[\w.-]+,[\w.-]+)(,[\w.-]+)+$", r"\1", argument)


def port_of(config: DictConfig) -> int | None:
    """Where the command would listen, if it serves something."""
    port: Any = OmegaConf.select(config, "task.port")
    return port


def known(text: str, folder: Path) -> str:
    """The text with what is there below a folder for each place that a page leaves to its reader.

    `outputs/.../checkpoints/best.zip` and `outputs/train/2026-11-29_10-00-00` are the newest that fit, `PATH` the
    newest agent, `RUN` the newest run that was evaluated, and `RUN_ID` MLflow's newest run that left a model. What lies
    in `/mnt` of the reader lies below the folder.
    """
    text = re.sub(r"(?<=[=\s\"'])/mnt/(?=\w)", f"{folder}/mnt/", text)
    text = re.sub(r"outputs/[^\s'\",\]]*(?<=/)\.\.\.[^\s'\",\]]*", lambda found: _newest(folder, found[0]), text)
    text = re.sub(r"(outputs/\w+/)\d{4}-\d\d-\d\d_[\d-]+", lambda found: _newest(folder, f"{found[1]}..."), text)
    text = re.sub(r"(?<=[=\[,])(PATH|CHECKPOINT)\b", lambda _: _newest(folder, _AGENT), text)
    text = re.sub(r"(?<=[=\[,])(RUN|ID_OR_FOLDER)\b", lambda _: _evaluated(folder), text)
    return re.sub(r"\bRUN_ID\b", lambda _: _run_id(folder), text)


def _newest(folder: Path, pattern: str) -> str:
    before, _, after = pattern.partition("...")
    found = list((folder / before).rglob(after.strip("/") or "run.json"))
    if not found:
        raise LookupError(f"there is no {pattern}: no command before this one on the page has made it")
    newest = max(found, key=lambda path: path.stat().st_mtime)
    return str((newest if after.strip("/") else newest.parent).relative_to(folder))


def _evaluated(folder: Path) -> str:
    return str(Path(_newest(folder, "outputs/.../results.csv")).parent)


def _run_id(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "outputs" / "mlflow.db")) as database:
        newest = "SELECT source_run_id FROM logged_models ORDER BY creation_timestamp_ms DESC LIMIT 1"
        return str(database.execute(newest).fetchone()[0])
