"""Runs in Weights & Biases, offline unless the environment says otherwise."""

import json
import os
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.tracking.base import FAILED, FINISHED, Tracker
from apsi.tracking.description import DESCRIPTION
from apsi.tracking.journal import OF_TRACKERS
from apsi.tracking.system import SystemMonitor
from apsi.types import Seconds

if TYPE_CHECKING:
    from wandb import Run

_MODES = ("offline", "online", "disabled")
_STEP, _SYSTEM_STEP = "timesteps", "system/seconds"
"""What charts have as their axis: environment steps, and for the machine's load seconds since the start"""


class WandbTracker(Tracker):
    """Metrics by step, the configuration and pictures; `wandb sync` sends what was recorded offline."""

    def __init__(self, project: str, entity: str | None, system_seconds: Seconds | None) -> None:
        """Stores where to record; nothing of it is asked or sent yet.

        Args:
            project: of Weights & Biases.
            entity: user or team; None: the user's own.
            system_seconds: time between two measurements of the machine's load; None for none.

        Raises:
            ApsiError: the package is missing, WANDB_MODE is none that is known, or it is online without a key.
        """
        if find_spec("wandb") is None:
            raise ApsiError("tracking=wandb needs a further package: pip install 'apsi[wandb]'")
        self._mode = os.environ.get("WANDB_MODE") or "offline"
        if self._mode not in _MODES:
            raise ApsiError(f"WANDB_MODE={self._mode} must be one of: {', '.join(_MODES)}")
        if self._mode == "online" and not os.environ.get("WANDB_API_KEY"):
            raise ApsiError("WANDB_MODE=online needs the key of the account in the environment variable WANDB_API_KEY")
        self._project, self._entity, self._system_seconds = project, entity, system_seconds
        self._monitor: SystemMonitor | None = None
        self._holds_results = False
        self._shown: dict[Path, int] = {}
        self._logging = threading.Lock()

    def start(
        self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str], section: str = ""
    ) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when it is imported: it reports to its makers
        import wandb

        self._folder, self._wandb = folder, wandb
        (folder / OF_TRACKERS[1]).mkdir(parents=True, exist_ok=True)
        try:
            self._run: Run = wandb.init(
                project=self._project,
                entity=self._entity,
                dir=folder,
                name=name,
                notes=tags.get(DESCRIPTION),
                config=dict(params),
                job_type=section or "training",
                mode=self._mode,  # type: ignore[arg-type]  # one of _MODES
                reinit="create_new",
                settings=wandb.Settings(
                    silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True
                ),
            )
        except Exception as error:  # its own errors and those of its service, which share no class
            raise ApsiError(
                f"can't record this run with Weights & Biases ({error}); check WANDB_MODE, or use tracking=none"
            ) from error
        self._run.define_metric("*", step_metric=_STEP)
        self._run.define_metric("system/*", step_metric=_SYSTEM_STEP)
        self.tags({key: value for key, value in tags.items() if key != DESCRIPTION})
        if self._system_seconds is not None:
            self._monitor = SystemMonitor(
                lambda values, seconds: self._log(dict(values) | {_SYSTEM_STEP: seconds}), self._system_seconds
            )
            self._monitor.start()

    @property
    def folder(self) -> Path:
        """Where it records what was not sent."""
        return Path(self._run.dir).parent

    def tags(self, tags: Mapping[str, str]) -> None:
        if DESCRIPTION in tags:
            self._run.notes = tags[DESCRIPTION]
        known = {key: value for key, value in tags.items() if key != DESCRIPTION}
        self._run.config.update(known, allow_val_change=True)  # type: ignore[no-untyped-call]  # wandb leaves it untyped

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        if values:
            self._holds_results = True
            self._log(dict(values) | {_STEP: step})
            self._pictures()

    def dataset(self, split: PreparedSplit, context: str) -> None:
        self._holds_results = True
        facts = {"digest": split.digest, "episodes": len(split.episodes), "juror": split.juror}
        self.tags({f"data.{context}": json.dumps(facts)})

    def files(self) -> None:
        self._pictures()

    def model(self, checkpoint: Path) -> None:
        self.tags({"checkpoint": str(checkpoint)})

    def finish(self, status: str) -> None:
        if self._monitor is not None:
            self._monitor.close()
        self._run.summary["status"] = status
        self._run.finish(exit_code=0 if status == FINISHED else 1)

    def discard(self) -> bool:
        """Ends the record; unlike others it stays on disk, as Weights & Biases keeps what was begun."""
        if self._holds_results:
            return False
        self.finish(FAILED)
        return True

    def _log(self, values: Mapping[str, Any]) -> None:
        with self._logging:
            self._run.log(dict(values))

    def _pictures(self) -> None:
        for path in sorted((self._folder / "images" / "training").glob("step_*.png")):
            written = path.stat().st_mtime_ns
            if self._shown.get(path) != written:
                self._shown[path] = written
                step = int(path.stem.removeprefix("step_"))
                self._log({"training": self._wandb.Image(str(path)), _STEP: step})
