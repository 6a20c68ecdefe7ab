"""The configuration that a checkpoint holds, read without the libraries that its networks need."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import yaml
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from apsi.config.schema import completed
from apsi.config.trust import is_own, read_config
from apsi.errors import ApsiError

CONFIG = "apsi/config.yaml"
"""Member of a checkpoint"""

LAST = Path("checkpoints", "last.zip")
"""Where the folder of a run keeps the latest state of its training"""
BEST = LAST.with_name("best.zip")
"""And the agent that was best on the validation split"""


class Records(Protocol):
    """Where runs are recorded."""

    def find_checkpoint(self, run_id: str, /) -> Path:
        """The checkpoint to continue a recorded run from."""

    def file(self, run_id: str, name: str, /) -> Path:
        """A file of a recorded run."""


def checkpoint_to_follow(path: Path) -> tuple[DictConfig, bool]:
    """A checkpoint's configuration, and whether this user's apsi wrote it.

    Raises:
        ApsiError: missing, broken, or not a checkpoint of apsi.
    """
    with open_checkpoint(path) as archive:
        return read_checkpoint_config(archive, path)


@contextmanager
def open_checkpoint(path: Path) -> Iterator[zipfile.ZipFile]:
    """A checkpoint to read members of.

    Raises:
        ApsiError: missing, broken, or not a checkpoint of apsi; also for what is found so in the block.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if CONFIG not in archive.namelist():
                raise ApsiError(f"{path} is a zip file but not a checkpoint of apsi: it has no {CONFIG}")
            yield archive
    except FileNotFoundError as error:
        raise ApsiError(f"checkpoint {path} does not exist; look below outputs/ for checkpoints/best.zip") from error
    except (
        *(zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError),
        *(yaml.YAMLError, OmegaConfBaseException),
    ) as error:
        raise ApsiError(f"{path} is not a whole checkpoint of apsi: {error}") from error


def read_checkpoint_config(archive: zipfile.ZipFile, path: Path) -> tuple[DictConfig, bool]:
    """The configuration in an open checkpoint, and whether this user's apsi wrote it."""
    text = archive.read(CONFIG).decode()
    return completed(read_config(text, path)), is_own(text)


def resume_path(resume: str, records: Records) -> Path:
    """The checkpoint that `resume` names: a file, a run's folder, or the id of a recorded run.

    Raises:
        ApsiError: it names none of them.
    """
    path = _named_path(resume, LAST)
    return records.find_checkpoint(resume) if path is None else path


def agent_path(init_from: str, records: Records) -> Path:
    """The checkpoint that `init_from` names, likewise; of a run's folder or record the one of its best agent.

    Raises:
        ApsiError: it names none of them.
    """
    path = _named_path(init_from, BEST)
    return records.file(init_from, BEST.as_posix()) if path is None else path


def _named_path(name: str, within: Path) -> Path | None:
    """A file, or the one within a run's folder; None for what can be no path, the id of a recorded run."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path / within
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path  # a path that doesn't exist is reported by whoever reads it
    return None
