"""The folder of one run: what was run, on what, and how it ended."""

import json
import logging
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from filelock import FileLock
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from apsi import __version__
from apsi.config.saved import BEST, LAST
from apsi.config.trust import signed
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR, IS_CHECKOUT
from apsi.photo.hash import value_hash
from apsi.photo.write import write_text
from apsi.process import identity, is_alive

log = logging.getLogger(__name__)

RUNNING, FINISHED, FAILED, INTERRUPTED, CONTINUED = "running", "finished", "failed", "interrupted", "continued"
PRUNED = "pruned"
MISSED, KILLED, ELSEWHERE = "missed", "killed", "elsewhere"
"""Finished but missed `evaluate.require`; ended without a record of it; perhaps still running on another machine"""
STATES = (RUNNING, FINISHED, MISSED, FAILED, INTERRUPTED, CONTINUED, PRUNED, KILLED, ELSEWHERE)
_HOW_IT_RUNS = (
    "resume",
    "search",
    "trust_checkpoint",
    "run_name",
    "quiet",
    "preflight",
    "metrics_port",
    "metrics_host",
)
_RECORD = frozenset({".lock", "config.yaml", "git.diff", "overrides.yaml", "run.json", "run.log"})
_TO_GO_ON_FROM = ("checkpoints/last.zip", "fold-*/checkpoints/last.zip", "advice.jsonl")
_LIBRARIES = ("torch", "stable-baselines3", "gymnasium", "hydra-core", "omegaconf", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class RunFolder:
    """`<output_dir>/<task>/<date>_<time>/`: `config.yaml`, `overrides.yaml`, `run.json`, the log and the results.

    Where apsi's own code has changes that are not committed, `git.diff` holds them, and names the files in `apsi/`
    and `conf/` that are not in git.
    """

    path: Path

    @classmethod
    def create(
        cls,
        path: Path,
        config: DictConfig,
        overrides: Sequence[str] = (),
        choices: Mapping[str, str] | None = None,
        command: str | None = None,
    ) -> Self:
        """Creates the folder and records what will run.

        Args:
            path: of the folder.
            config: of the run.
            overrides: what the command changes.
            choices: the options chosen, by group.
            command: that makes the same run; None: the one that this process was started with.

        Raises:
            ApsiError: another run is at work in it.
        """
        path.mkdir(parents=True, exist_ok=True)
        folder = cls(path)
        folder._claim()
        folder.write_config(config)
        write_text(path / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(list(overrides))))
        git = _git_state()
        diff = git.pop("diff", "")
        if diff:
            write_text(path / "git.diff", diff)
        folder._write(
            {
                "status": RUNNING,
                "config_key": config_key(config),
                "resume": config.resume,
                "command": command or shlex.join([Path(sys.executable).name, *sys.argv]),
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "host": socket.gethostname(),
                "process": identity(),
                "git": git,
                "choices": dict(choices or {}),
                "apsi": __version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "libraries": {name: _version(name) for name in _LIBRARIES},
            }
        )
        return folder

    def write_config(self, config: DictConfig) -> None:
        """Records the configuration, resolved and signed."""
        write_text(self.path / "config.yaml", signed(OmegaConf.to_yaml(config, resolve=True)))

    @property
    def last_checkpoint(self) -> Path:
        """Where training keeps its latest state."""
        return self.path / LAST

    @property
    def best_checkpoint(self) -> Path:
        """Where training keeps the agent that was best on the validation split."""
        return self.path / BEST

    def step_checkpoint(self, timesteps: int) -> Path:
        """Where training keeps its state after so many steps for good."""
        return self.last_checkpoint.with_name(f"step_{timesteps:08}.zip")

    @property
    def step_checkpoints(self) -> list[Path]:
        """All of these, from the earliest."""
        return sorted(self.last_checkpoint.parent.glob("step_*.zip"), key=lambda path: (len(path.name), path.name))

    def record(self) -> dict[str, Any]:
        """What `run.json` says; empty where it is missing or broken."""
        try:
            content = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def note(self, **more: object) -> None:
        """Records something further."""
        self._write(self.record() | more)

    def finish(self, status: str, **more: object) -> None:
        """Records how the run ended."""
        self.note(status=status, ended=datetime.now(UTC).isoformat(timespec="seconds"), **more)

    def state(self) -> str:
        """How the run ended, or that it has not, one of `STATES`; empty where the folder holds no record of one."""
        record = self.record()
        status = str(record.get("status", ""))
        if status == RUNNING:
            if record.get("host") != socket.gethostname():
                return ELSEWHERE
            return RUNNING if is_alive(*record["process"]) else KILLED
        if status == FINISHED and record.get("missed"):
            return MISSED
        return status if status in STATES else ""

    def is_unfinished(self) -> bool:
        """Whether the run ended before its time and left a checkpoint to continue from."""
        is_dead = self.state() in (KILLED, FAILED, INTERRUPTED)
        return is_dead and any(next(self.path.glob(name), None) for name in _TO_GO_ON_FROM)

    def remove_unless_used(self) -> None:
        """Removes the folder of a run of this process that left nothing but the record of itself."""
        record = self.record()
        if record.get("process", identity()) != identity():
            return
        found = list(self.path.iterdir())
        if not {path.name for path in found} <= _RECORD:
            return
        if record:
            log.info("Nothing was done yet: %s is removed", self.path)
        with suppress(OSError):  # the log is still open, and a network file system keeps what is
            for path in found:
                path.unlink()
            self.path.rmdir()

    def _claim(self) -> None:
        """Makes sure that no other run writes here; of two that begin at the same moment one has it."""
        own = os.getpid()
        with FileLock(self.path / ".lock"):
            record = self.record()
            if record.get("status") == RUNNING and record.get("host") == socket.gethostname():
                process = record.get("process", [own])
                if process[0] != own and is_alive(*process):
                    raise ApsiError(
                        f"{self.path} is the folder of another run, which is at work (process {process[0]}); wait for "
                        "its end, or name another folder"
                    )
            self._write({"status": RUNNING, "host": socket.gethostname(), "process": identity()})

    def _write(self, record: dict[str, Any]) -> None:
        write_text(self.path / "run.json", json.dumps(record, indent=1))


def point_latest(output_dir: Path, folder: Path) -> None:
    """Points `<output_dir>/latest` to a run: a link, or where there can be no links a text file with its path.

    It is replaced in one go. What can't be done is a warning: the run itself is whole.
    """
    latest, target = output_dir / "latest", os.path.relpath(folder, output_dir)
    fresh = output_dir / f".latest-{os.getpid()}.tmp"
    try:
        fresh.unlink(missing_ok=True)
        try:
            fresh.symlink_to(target, target_is_directory=True)
        except (OSError, NotImplementedError):
            fresh.write_text(f"{target}\n", encoding="utf-8")
        fresh.replace(latest)
    except OSError as error:
        log.warning("%s could not be pointed at %s: %s", latest, folder, error.strerror)
        with suppress(OSError):
            fresh.unlink()


def mend_latest(output_dir: Path, newest: Path | None) -> None:
    """Where `<output_dir>/latest` leads nowhere any more, lets it lead to the newest run that is left, if one is."""
    latest = output_dir / "latest"
    if latest.is_symlink():
        leads_nowhere = not latest.exists()
    else:
        leads_nowhere = latest.is_file() and not (output_dir / latest.read_text(encoding="utf-8").strip()).exists()
    if leads_nowhere and newest is not None:
        point_latest(output_dir, newest)
    elif leads_nowhere:
        latest.unlink()


def config_key(config: DictConfig) -> str:
    """Hash of all that makes two runs the same; how they are continued is no part of it, nor which trial it is."""
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    content["evaluate"].pop("require", None)
    return value_hash({key: value for key, value in content.items() if key not in _HOW_IT_RUNS})


def find_unfinished(current: RunFolder) -> RunFolder | None:
    """The latest run of the same task and configuration that was killed, interrupted or failed.

    For a run of a multirun also among those of other multiruns.
    """
    from apsi.console import console

    wanted = {name: current.record().get(name) for name in ("config_key", "resume")}
    beside = current.path.parent
    candidates = beside.parent.glob("*/*") if is_one_of_many() else beside.iterdir()
    for path in sorted(candidates, reverse=True):
        folder = RunFolder(path)
        record = folder.record()
        if path == current.path or not record.items() >= wanted.items():
            continue
        if folder.is_unfinished():
            return folder
        if record["status"] == RUNNING and record["host"] != socket.gethostname():
            said = f"{path} may still run on {record['host']}; if not, continue it with resume={path}"
            log.warning(said)
            if console.quiet:
                print(f"This run begins anew: {said}", file=sys.stderr)
    return None


def is_one_of_many() -> bool:
    """Whether this run is a job of a plain multirun, not of a search."""
    if not HydraConfig.initialized():
        return False
    hydra = HydraConfig.get()
    return hydra.mode == RunMode.MULTIRUN and is_plain(hydra)


def is_plain(hydra: Any) -> bool:
    """Whether a multirun, by its Hydra configuration, is no search."""
    return str(hydra.sweeper["_target_"]).endswith(".BasicSweeper")


def _git_state() -> dict[str, Any]:
    unknown = {"commit": None, "dirty": None}
    if not IS_CHECKOUT:  # a repository that apsi is installed in the middle of is somebody else's
        return unknown

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(CONFIG_DIR.parent), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
        return done.stdout

    try:
        changed = git("diff", "HEAD")
        # only where new code would be: who works in the repository may have photos and other files of theirs in it
        new = git("ls-files", "--others", "--exclude-standard", "apsi", "conf").splitlines()
        diff = "".join(f"# not in git: {name}\n" for name in new) + changed  # `git apply` passes over the lines on top
        return {"commit": git("rev-parse", "HEAD").strip(), "dirty": bool(diff), "diff": diff}
    except (OSError, subprocess.CalledProcessError):
        return unknown  # not a checkout, or no git here


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
