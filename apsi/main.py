"""What `apsi` and `python run.py` run: one configuration, with errors that say what to do."""

import errno
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from apsi.arguments import config_dir, prepare
from apsi.config import schema
from apsi.config.compose import explain
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR, command
from apsi.multirun import began_multirun, run_one_of_many, summarise_multiruns
from apsi.running import hold_to_requirements, run_configured, run_to_the_end
from apsi.search.sweeper import PruningSweeper
from apsi.tracking.run_folder import is_one_of_many

_INTERRUPTED = "Interrupted. Progress is saved; the same command resumes from there, unless it says resume=never."
_MULTIRUN_INTERRUPTED = (
    "Interrupted. Progress is saved; the same command resumes the run that was interrupted, unless it says "
    "resume=never, and repeats the finished runs."
)
_interrupts: list[int] = []


def main() -> None:
    """The command line."""
    schema.register()
    with command_line():
        _main()


@hydra.main(
    config_path=str(CONFIG_DIR), config_name="config", execution_whitelist=["apsi.*", "hydra.*", "hydra_plugins.*"]
)
def _main(config: DictConfig) -> object:
    return run(config)


def run(config: DictConfig) -> Any:
    """Runs the configured task in Hydra's output folder and returns its numbers."""
    if config.search.trial is not None:
        return _run_trial(config)
    if is_one_of_many():
        return _run_one_of_many(config)
    with _quiet_without_readers(), _explained(logging.getLogger()):  # here already, so that Hydra adds no message
        result = run_to_the_end(config)
        if config.quiet:
            print(json.dumps({"folder": HydraConfig.get().runtime.output_dir, "result": result}, default=str))
        hold_to_requirements(config, result)
        return result


def _run_one_of_many(config: DictConfig) -> Any:
    def run_and_hold() -> Any:
        result = run_to_the_end(config)
        hold_to_requirements(config, result)
        return result

    try:
        return run_one_of_many(run_and_hold, _explain)
    finally:
        if _interrupts:  # whatever a library raised for it
            raise KeyboardInterrupt


def _run_trial(config: DictConfig) -> Any:
    from apsi.search.trial import run_trial

    try:
        return run_trial(config, run_configured)
    finally:
        if _interrupts:  # whatever a library raised for it
            raise KeyboardInterrupt


@contextmanager
def command_line() -> Iterator[None]:
    """Wraps Hydra's main: paths need no quotes, and errors meant for the user are one message.

    Other errors keep their traceback. SIGTERM ends a run like Ctrl-C: progress is saved.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes errors on instead of printing them itself
    logging.raiseExceptions = False  # a full disk is reported once, by the run, not by its log
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and shells set it for what is not to be interrupted
            signal.signal(number, _interrupt)
    Plugins.instance().register(PruningSweeper)
    with _quiet_without_readers(), _explained():
        sys.argv[1:] = prepare(sys.argv[1:])
        yield
        summarise_multiruns()


@contextmanager
def _quiet_without_readers() -> Iterator[None]:
    """Ends the command as tools end, `... | head`, once nobody reads any more what it prints."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        from apsi.console import end_without_readers, is_read

        if is_read():  # it was another pipe
            raise
        end_without_readers()


@contextmanager
def _explained(job_log: logging.Logger | None = None) -> Iterator[None]:
    try:
        yield
    except SystemExit:
        raise
    except BaseException as error:
        interrupted = bool(_interrupts)  # whatever a library raised for it
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
            own = config_dir(sys.argv[1:])
            if isinstance(error, MissingConfigException) and own is not None:
                said += f"\nAn option of your own is read from {own / str(error.missing_cfg_file)}.yaml"
        case yaml.YAMLError():
            said = f"a configuration file is not valid YAML: {error}"
        case ValueError() if "Config group override" in str(error):  # Hydra's, for tracking=null or reward=3
            said = f"{error}: a group takes the name of an option, as in tracking=none; see {command()} --help"
        case MemoryError():
            said = f"not enough memory: {error}. Lower train.n_envs, env.observation_size or the buffers of algo"
        case RuntimeError() if "home directory" in str(error):  # pathlib's, for ~somebody
            said = "a path begins with ~NAME, and there is no such user here: give the folder itself, or ~/..."
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
