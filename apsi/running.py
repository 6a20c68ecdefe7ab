"""One run of a configuration: what the command line and Python code have in common, and `run` for the latter.

Light at the top, as every command imports it.
"""

import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from apsi.arguments import config_dir as folder_of
from apsi.arguments import prepare
from apsi.config import schema
from apsi.config.compose import choices_made, compose_with_hydra, explain, with_checkpoint
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.task import built_by, require_evaluating
from apsi.tracking.run_folder import RunFolder, is_one_of_many


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    folder: Path
    """its files"""
    result: Any
    """what its task returned"""


def run(*overrides: str, config_dir: str | Path | None = None) -> Run:
    """Runs what `python run.py OVERRIDES` would run, in this process, for notebooks and scripts.

    Everything is as on the command line: the folder, its records, where trackers send theirs. Several runs at once,
    `--multirun`, are for the command line; in Python they are a loop.

    Args:
        overrides: `"task=advise"`, `"seed=1"`, ...; with `"quiet=true"` nothing is shown on the way.
        config_dir: a folder with options of your own, as of `--config-dir`.

    Raises:
        ApsiError: an override or setting that can't be, or what the task itself raises.
    """
    given = prepare([*overrides, *([] if config_dir is None else [f"--config-dir={config_dir}"])])
    own, kept = folder_of(given), [one for one in given if not one.startswith("--config-dir=")]
    options = [one for one in kept if one.startswith("-")]
    if options:
        raise ApsiError(f"run({options[0]!r}): options with a dash are for the command line; give overrides, key=value")
    try:
        with _as_hydra_would(compose_with_hydra(kept, own)) as config:
            result = run_to_the_end(config, said=shlex.join([*command().split(), *given]))
            folder = RunFolder(Path(HydraConfig.get().runtime.output_dir))
            hold_to_requirements(config, result)
    except (HydraException, OmegaConfBaseException) as error:
        raise ApsiError(explain(error)) from error
    return Run(Path(folder.record().get("results", folder.path)), result)


@contextmanager
def _as_hydra_would(whole: DictConfig) -> Iterator[DictConfig]:
    """The configuration without Hydra's part, while that is known to everybody and the run's folder gets a log."""
    from apsi.console import console

    hydra = HydraConfig.instance()
    before, was_quiet, root = hydra.cfg, console.quiet, logging.getLogger()
    level = root.level
    hydra.set_config(whole)
    path = Path(str(whole.hydra.run.dir)).expanduser().absolute()
    known: Any = HydraConfig.get()
    with read_write(known):
        known.runtime.output_dir = str(path)
    log = logging.FileHandler(path / "run.log", encoding="utf-8", delay=True)
    log.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
    try:
        path.mkdir(parents=True)
        root.addHandler(log)
        root.setLevel(logging.INFO)
        yield OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    finally:
        root.removeHandler(log)
        root.setLevel(level)
        log.close()
        with suppress(OSError):
            path.rmdir()  # where nothing was begun
        hydra.cfg, console.quiet = before, was_quiet


def run_to_the_end(config: DictConfig, said: str | None = None) -> Any:
    """Runs the task, shows only what was asked for, and points `latest` to the run.

    Args:
        config: of Hydra, which has set its own.
        said: the command for its record; None: that of this process.
    """
    from apsi.console import console
    from apsi.tracking.run_folder import point_latest

    console.quiet = config.quiet
    with redirect_stdout(sys.stderr) if config.quiet else nullcontext(), _no_folder_for_nothing():
        result = run_configured(config, said)
    folder = RunFolder(Path(HydraConfig.get().runtime.output_dir))
    record = folder.record()
    if not record.get("housekeeping"):
        point_latest(Path(config.output_dir).expanduser(), Path(record.get("results", folder.path)))
    return result


@contextmanager
def _no_folder_for_nothing() -> Iterator[None]:
    """Removes the run's folder after an error for the user that came before anything else was written into it.

    The folder of one of many runs stays, as the summary of them all tells of it.
    """
    try:
        yield
    except (ApsiError, HydraException, OmegaConfBaseException):
        if not is_one_of_many():
            RunFolder(Path(HydraConfig.get().runtime.output_dir)).remove_unless_used()
        raise


def hold_to_requirements(config: DictConfig, result: Any) -> None:
    """Checks the evaluation against `evaluate.require`; the run is complete by then."""
    if config.evaluate.require is not None and isinstance(result, dict):
        from apsi.evaluate.require import RequirementError, conditions, require_reached

        try:
            require_reached(conditions(config.evaluate.require, result["policies"]), result["policies"])
        except RequirementError as missed:
            RunFolder(Path(HydraConfig.get().runtime.output_dir)).note(missed=str(missed))
            raise


def run_configured(config: DictConfig, said: str | None = None) -> Any:
    """Runs the task in a folder of its own, without what comes after it; see `run_to_the_end`."""
    from apsi.config.instantiate import check, instantiate
    from apsi.config.trackers import open_tracker
    from apsi.console import show_log
    from apsi.monitoring.exporter import monitored
    from apsi.monitoring.metrics import METRICS
    from apsi.torchvision_ops import define_missing

    show_log()
    ran = HydraConfig.get()
    overrides = list(ran.overrides.task)
    search = ran.runtime.choices.get("hparams_search")
    if search and config.search.trial is None:
        raise ApsiError(
            f"hparams_search={search} is a search of many runs: {command()} --multirun hparams_search={search}"
        )
    config = with_checkpoint(config, overrides)
    _check_values(config)
    require_evaluating(config)
    built = built_by(config)
    if built is None:
        define_missing()
        check(config)
        instantiate(config.device).activate()  # a device that is not there is no reason to prepare photos first
    else:
        for group in ("task", *built):
            check(config[group])
    if built is None or "tracking" in built:
        open_tracker(config)  # a password in its URI is refused before anything is written down
    choices = choices_made(ran.runtime.choices, config, overrides)
    with monitored(config):  # an address that can't be had is no reason to leave a folder
        folder = RunFolder.create(Path(ran.runtime.output_dir), config, overrides, choices, said)
        logging.getLogger("apsi").info("Run folder: %s", folder.path)
        METRICS.begin(choices.get("task", ""), folder.path.name)
        return _run_task(config, folder)


def _run_task(config: DictConfig, folder: RunFolder) -> Any:
    from apsi.config.instantiate import instantiate
    from apsi.errors import Pruned
    from apsi.tracking.run_folder import FAILED, FINISHED, INTERRUPTED, PRUNED

    try:
        result = instantiate(config.task)(config, folder)
    except KeyboardInterrupt:
        folder.finish(INTERRUPTED)
        raise
    except Pruned:
        folder.finish(PRUNED)
        raise
    except BaseException as error:
        folder.finish(FAILED, error=str(error))
        raise
    folder.finish(FINISHED)
    return result


def _check_values(config: DictConfig) -> None:
    """Checks the configuration against its schema once more, as `+key=value` bypasses it."""
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ApsiError(f"{missing[0]} has no value; add {missing[0]}=... to the command line")
    OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema.Config), OmegaConf.to_container(config)))
