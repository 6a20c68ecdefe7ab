"""What `run.py` runs: one configuration, with errors that say what to do."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.errors import ApsiError, did_you_mean
from apsi.schema import Config

_FROM_CHECKPOINT_ONLY = ("algo", "feature_extractor", "transform", "juror")
_OF_THIS_RUN = ("task", "tracking", "device", "worker_pool", "data_dir", "output_dir", "checkpoint", "resume")
_CONFIG_DIR = Path(__file__).resolve().parent.parent / "conf"
_HYDRAS_OWN_WORDS = ("Config search path:", "provider=", "To append to", "object_type=", "reference_type=")


def run(config: DictConfig) -> Any:
    """Runs the configured task in Hydra's output folder and returns its numbers."""
    with _explained():  # here already, so that Hydra adds no words of its own
        return _run(config)


def _run(config: DictConfig) -> Any:
    from apsi.console import show_log
    from apsi.instantiate import check, instantiate
    from apsi.run_folder import FAILED, FINISHED, INTERRUPTED, RunFolder
    from apsi.torchvision_ops import define_missing

    show_log()
    hydra = HydraConfig.get()
    overrides = list(hydra.overrides.task)
    config = _with_checkpoint(config, overrides)
    _check_values(config)
    define_missing()
    check(config)
    instantiate(config.device).open()  # a device that is not there is no reason to prepare photos first
    folder = RunFolder.create(Path(hydra.runtime.output_dir), config, overrides)
    logging.getLogger("apsi").info("Run folder: %s", folder.path)
    try:
        result = instantiate(config.task)(config, folder)
    except KeyboardInterrupt:
        folder.finish(INTERRUPTED)
        raise
    except BaseException as error:
        folder.finish(FAILED, error=str(error))
        raise
    folder.finish(FINISHED)
    return result


def _with_checkpoint(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """With `checkpoint=` or a named `resume=`, everything the command line does not name comes from the checkpoint."""
    if config.checkpoint is None and config.resume in (None, "auto", "never"):
        return config
    from apsi.instantiate import instantiate
    from apsi.train.checkpoint import read_checkpoint
    from apsi.train.loop import resume_path

    if config.checkpoint is not None:
        path = Path(config.checkpoint).expanduser()
    else:
        path = resume_path(config.resume, instantiate(config.tracking))
    saved = read_checkpoint(path).config
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0].partition("@")[0]
        group = key.partition(".")[0].partition("/")[0]
        if group in _FROM_CHECKPOINT_ONLY:
            raise ApsiError(f"{override}: the checkpoint {path} decides on {group}; leave it out")
        if group in ("experiment", "debug"):
            raise ApsiError(f"{override}: with a checkpoint, name the single values to change instead of a preset")
        if group in Config.__dataclass_fields__:
            OmegaConf.update(saved, key, OmegaConf.select(config, key), merge=False, force_add=True)
    for key in _OF_THIS_RUN:
        OmegaConf.update(saved, key, config[key], merge=False, force_add=True)
    return saved


def _check_values(config: DictConfig) -> None:
    """Holds the configuration against its schema once more: `+key=value` has gone round it."""
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ApsiError(f"{missing[0]} has no value; add {missing[0]}=... to the command line")
    OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), config))


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turns errors meant for the user into one message and an exit code; others keep their traceback.

    SIGTERM ends a run like Ctrl-C does: what was learned is saved.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands errors on instead of printing them itself
    signal.signal(signal.SIGTERM, _interrupt)
    with _explained():
        yield


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _exit("Interrupted. What was done is saved; the same command goes on from there.", 130)
    except ApsiError as error:
        _exit(str(error), 1)
    except (HydraException, OmegaConfBaseException) as error:
        _exit(_explain_config_error(error), 1)
    except yaml.YAMLError as error:
        _exit(f"a configuration file is not valid YAML: {error}", 1)
    except OSError as error:
        explanation = _explain_os_error(error)
        if explanation is None:
            raise
        _exit(explanation, 1)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit(message: str, code: int) -> None:
    logging.getLogger().info("The run ended with", exc_info=True)  # only the run's own log keeps the traceback
    print(f"\nError: {message}" if code == 1 else f"\n{message}", file=sys.stderr)
    sys.exit(code)


def _explain_config_error(error: Exception) -> str:
    cause = error.__cause__
    lines = [line.rstrip() for text in (error, cause or "") for line in str(text).splitlines()]
    said = [
        line.replace("    full_key: ", "at ")
        for line in dict.fromkeys(lines)
        if line and not line.lstrip().startswith(_HYDRAS_OWN_WORDS)
    ]
    if isinstance(error, MissingConfigException) and error.missing_cfg_file is not None:
        said.append(did_you_mean(Path(str(error.missing_cfg_file)).name, error.options or []).strip())
    elif isinstance(cause, OmegaConfBaseException) and cause.full_key and "Did you mean" not in str(cause):
        groups = [path.name for path in _CONFIG_DIR.iterdir() if path.is_dir()]
        said.append(did_you_mean(cause.full_key, groups).strip())
    return "\n".join(filter(None, said))


def _explain_os_error(error: OSError) -> str | None:
    place = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{place}. Make room, or set data_dir and output_dir to another disk; then run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return f"can't write{place}: {error.strerror}. Set output_dir and data_dir to folders that you can write to"
    return None
