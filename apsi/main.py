"""What `run.py` runs: one configuration, with errors that say what to do."""

import errno
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.config.compose import CONFIG_DIR, choices_made, explain, with_checkpoint
from apsi.config.schema import Config, require_run_name
from apsi.config.trust import require_trusted_presets, require_trusted_source
from apsi.errors import ApsiError
from apsi.multirun import began_multirun, run_one_of_many, summarise_multiruns
from apsi.search.sweeper import PruningSweeper
from apsi.task import require_evaluating
from apsi.tracking.run_folder import is_one_of_many

_TEXTS = (
    "dataset.path",
    "checkpoint",
    "resume",
    "run_id",
    "data_dir",
    "output_dir",
    "score_cache_dir",
    "feature_extractor.weights",
    "evaluate.require",
)
_JUROR_TEXTS = re.compile(r"(second_)?juror(\.jurors\.\w+)?\.(path|head|tower|url)")
_INTERRUPTED = "Interrupted. What was done is saved; the same command goes on from there, unless it says resume=never."
_MULTIRUN_INTERRUPTED = (
    "Interrupted. What was done is saved; the same command goes on with the run that was interrupted, unless it says "
    "resume=never, and does the finished runs again."
)
_interrupts: list[int] = []


def run(config: DictConfig) -> Any:
    """Runs the configured task in Hydra's output folder and returns its numbers."""
    if config.search.trial is not None:
        return _run_trial(config)
    if is_one_of_many():
        return _run_one_of_many(config)
    with _explained(logging.getLogger()):  # here already, so that Hydra adds no words of its own
        result = _run_to_the_end(config)
        if config.quiet:
            print(json.dumps({"folder": HydraConfig.get().runtime.output_dir, "result": result}, default=str))
        _require_reached(config, result)
        return result


def _run_to_the_end(config: DictConfig) -> Any:
    """Runs the task, shows no more than was asked for, and lets `latest` lead to the run."""
    from apsi.console import console
    from apsi.tracking.run_folder import RunFolder, point_latest

    console.quiet = config.quiet
    with redirect_stdout(sys.stderr) if config.quiet else nullcontext():
        result = _run(config)
    folder = RunFolder(Path(HydraConfig.get().runtime.output_dir))
    if not folder.record().get("housekeeping"):
        point_latest(Path(config.output_dir).expanduser(), folder.path)
    return result


def _require_reached(config: DictConfig, result: Any) -> None:
    """Holds what was evaluated against `evaluate.require`; the run is over and whole by then."""
    if config.evaluate.require is not None and isinstance(result, dict):
        from apsi.evaluate.require import RequirementError, conditions, require_reached
        from apsi.tracking.run_folder import RunFolder

        try:
            require_reached(conditions(config.evaluate.require, result["policies"]), result["policies"])
        except RequirementError as missed:
            RunFolder(Path(HydraConfig.get().runtime.output_dir)).note(missed=str(missed))
            raise


def _run_one_of_many(config: DictConfig) -> Any:
    def run_and_hold() -> Any:
        result = _run_to_the_end(config)
        _require_reached(config, result)
        return result

    try:
        return run_one_of_many(run_and_hold, _explain)
    finally:
        if _interrupts:  # whatever a library made of it
            raise KeyboardInterrupt


def _run_trial(config: DictConfig) -> Any:
    from apsi.search.trial import run_trial

    try:
        return run_trial(config, _run)
    finally:
        if _interrupts:  # whatever a library made of it
            raise KeyboardInterrupt


def _run(config: DictConfig) -> Any:
    from apsi.config.instantiate import check, instantiate
    from apsi.console import show_log
    from apsi.errors import Pruned
    from apsi.torchvision_ops import define_missing
    from apsi.tracking.run_folder import FAILED, FINISHED, INTERRUPTED, PRUNED, RunFolder

    show_log()
    hydra = HydraConfig.get()
    overrides = list(hydra.overrides.task)
    search = hydra.runtime.choices.get("hparams_search")
    if search and config.search.trial is None:
        raise ApsiError(
            f"hparams_search={search} is a search of many runs: python run.py --multirun hparams_search={search}"
        )
    config = with_checkpoint(config, overrides)
    _check_values(config)
    require_evaluating(config)
    define_missing()
    check(config)
    instantiate(config.device).activate()  # a device that is not there is no reason to prepare photos first
    instantiate(config.tracking)  # a password in its URI is refused before anything is written down
    choices = choices_made(hydra.runtime.choices, config, overrides)
    folder = RunFolder.create(Path(hydra.runtime.output_dir), config, overrides, choices)
    logging.getLogger("apsi").info("Run folder: %s", folder.path)
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
    """Holds the configuration against its schema once more: `+key=value` has gone round it."""
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ApsiError(f"{missing[0]} has no value; add {missing[0]}=... to the command line")
    OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.to_container(config)))


@contextmanager
def command_line() -> Iterator[None]:
    """Around Hydra's main: paths may be typed as they are, and errors meant for the user are one message.

    Other errors keep their traceback. SIGTERM ends a run like Ctrl-C does: what was learned is saved.
    """
    sys.argv[1:] = [_quote(argument) for argument in sys.argv[1:]]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands errors on instead of printing them itself
    logging.raiseExceptions = False  # a full disk is reported once, by the run, not by its log
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and shells set it for what is not to be interrupted
            signal.signal(number, _interrupt)
    Plugins.instance().register(PruningSweeper)
    with _explained():
        _refuse_pickles(sys.argv[1:])
        _require_run_name(sys.argv[1:])
        _require_trusted_presets(sys.argv[1:])
        yield
        summarise_multiruns()


def _refuse_pickles(arguments: list[str]) -> None:
    """Hydra's own way to repeat a run reads a pickle, which could run anything."""
    for name in (argument.partition("=")[0] for argument in arguments):
        if name.startswith("--e") and "--experimental-rerun".startswith(name):  # it may be abbreviated
            raise ApsiError(f"{name} is not supported; repeat a run with task=rerun run_id=ITS_FOLDER")


def _require_run_name(arguments: list[str]) -> None:
    """Looks at it before Hydra makes a folder of it."""
    for key, _, name in (argument.partition("=") for argument in arguments):
        if key.lstrip("+") == "run_name":
            require_run_name(name)


def _require_trusted_presets(arguments: list[str]) -> None:
    """Looks at what the command adds to Hydra's search path before Hydra does, which may run what it finds there."""
    if any(re.fullmatch(r"\+{0,2}trust_checkpoint=['\"]?(true|yes|on|1)['\"]?", a, re.IGNORECASE) for a in arguments):
        return
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=True):
        given = re.fullmatch(r"(--config-d\w*|-cd)(=?)(.*)", argument)
        if given:
            require_trusted_presets(Path(given[3] or after).expanduser())
        given = re.fullmatch(r"(--config-p\w*|-cp)(=?)(.*)", argument)
        if given:
            require_trusted_source(given[3] or after, beside=CONFIG_DIR.parent)  # as Hydra does: beside run.py
        if "searchpath" in argument.partition("=")[0]:
            for source in _texts_in(argument):
                require_trusted_source(source, beside=Path())


def _texts_in(override: str) -> Iterator[str]:
    """The texts of an override's value, a list or one of them, as Hydra reads it."""
    value = OverridesParser.create().parse_override(override).value()
    for item in value if isinstance(value, list) else [value]:
        yield item.text if isinstance(item, QuotedString) else str(item)


def _quote(argument: str) -> str:
    """`dataset.path=~/Grün, 2024` and other texts as Hydra's grammar wants them; anything else as it is."""
    key, given, value = argument.partition("=")
    is_text = key in _TEXTS or _JUROR_TEXTS.fullmatch(key)
    if not given or not is_text or re.fullmatch(r"[\w./-]*", value, re.ASCII) or value[0] in "'\"":
        return argument
    escaped = re.sub(r"^~(?=/|$)", str(Path.home()).replace("\\", r"\\"), value).replace("'", r"\'")
    return f"{key}='{escaped}'"


@contextmanager
def _explained(job_log: logging.Logger | None = None) -> Iterator[None]:
    try:
        yield
    except SystemExit:
        raise
    except BaseException as error:
        interrupted = bool(_interrupts)  # whatever a library made of it
        message = (_MULTIRUN_INTERRUPTED if began_multirun() else _INTERRUPTED) if interrupted else _explain(error)
        if message is None:
            raise
        if job_log is not None:  # the run's log file, unlike the screen, gets the traceback
            job_log.info("The run ended with", exc_info=True)
        print(f"\n{message}" if interrupted else f"\nError: {message}", file=sys.stderr)
        sys.exit(128 + _interrupts[0] if interrupted else getattr(error, "exit_code", 1))


def _interrupt(signum: int, frame: FrameType | None) -> None:
    _interrupts.append(signum)
    raise KeyboardInterrupt


def _explain(error: BaseException) -> str | None:
    """What to tell the user, or None where a traceback is of more use."""
    said: str | None = None
    match error:
        case ApsiError():
            said = str(error)
        case HydraException() | OmegaConfBaseException():
            said = explain(error)
        case yaml.YAMLError():
            said = f"a configuration file is not valid YAML: {error}"
        case ValueError() if "Config group override" in str(error):  # Hydra's, for tracking=null or reward=3
            said = f"{error}: a group takes the name of an option, as in tracking=none; see python run.py --help"
        case MemoryError():
            said = f"not enough memory: {error}. Lower train.n_envs, env.observation_size or the buffers of algo"
        case OSError():
            said = _explain_os_error(error)
    return said


def _explain_os_error(error: OSError) -> str | None:
    place = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{place}. Make room, or set data_dir and output_dir to another disk; then run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG):
        return f"can't write{place}: {error.strerror}. Set output_dir and data_dir to folders that you can write to"
    if error.errno == errno.ENOENT and error.filename:
        return f"{error.filename} is missing. If it is a prepared photo, delete its data set's folder and run again"
    return None
