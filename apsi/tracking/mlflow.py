"""Runs in MLflow."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from apsi.photo.prepared import PreparedSplit
from apsi.tracking.base import KILLED, Tracker
from apsi.tracking.journal import Header, Journal
from apsi.tracking.sender import Sender, SystemMonitor, patience
from apsi.tracking.server import Server


class MlflowTracker(Tracker):
    """Writes all that it is told into the run's journal, from where a thread sends it to MLflow."""

    def __init__(
        self,
        uri: str | None,
        experiment: str,
        output_dir: str,
        system_seconds: Annotated[float, Field(gt=0)] | None,
        finish_seconds: Annotated[float, Field(ge=0)],
    ) -> None:
        """Takes the place; connects to it at `start`.

        Args:
            uri: tracking URI; None for a sqlite database and an artefact folder in `output_dir`.
            experiment: name of the MLflow experiment, made when missing.
            output_dir: where the local database lies.
            system_seconds: time between two looks at the machine's load; None for none.
            finish_seconds: how long the end of a run waits for what is not sent yet.
        """
        self._server = Server(uri, Path(output_dir).expanduser().resolve())
        self._experiment = experiment
        self._system_seconds, self._finish_seconds = system_seconds, finish_seconds
        self._run_id: str | None = None
        self._journal: Journal | None = None
        self._monitor: SystemMonitor | None = None
        self.seconds = 0.0
        """time that callers have waited for this tracker"""

    @property
    def run_id(self) -> str | None:
        return self._run_id

    def start(self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        run_id = self._run_id = self._server.create_run(self._experiment, name, tags)
        self._journal = Journal(folder)
        self._journal.begin(Header(self._server.uri, run_id))
        self._sender = Sender(self._journal, self._server, run_id)
        self._sender.start()
        self._append({"params": dict(params)})
        if self._system_seconds is not None:
            self._monitor = SystemMonitor(self._journal, self._system_seconds)
            self._monitor.start()

    def tags(self, tags: Mapping[str, str]) -> None:
        self._append({"tags": dict(tags)})

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        if values:
            numbers = {key: float(value) for key, value in values.items()}
            self._append({"metrics": numbers, "step": step, "ms": int(time.time() * 1000)})

    def dataset(self, split: PreparedSplit, context: str) -> None:
        folder = split.folders[0].parent
        self._append(
            {
                "dataset": {
                    "name": folder.name,
                    "digest": split.digest[:36],
                    "source_type": "local",
                    "source": json.dumps({"uri": str(folder)}),
                    "profile": json.dumps(
                        {"episodes": len(split.episodes), "dropped": split.dropped, "juror": split.juror}
                    ),
                },
                "context": context,
            }
        )
        self.tags({"apsi.juror": split.juror})

    def artifact(self, path: Path, folder: str = "") -> None:
        assert self._journal is not None
        name = path.resolve().relative_to(self._journal.run_folder.resolve()).as_posix()
        to = "/".join(filter(None, (folder, path.name))) if path.is_dir() else folder
        self._append({"artifact": name, "to": to})

    def model(self, checkpoint: Path) -> None:
        from apsi.tracking.model import save_model

        assert self._journal is not None
        folder = self._journal.path.parent / "model"
        save_model(checkpoint, folder)
        self.artifact(folder)

    def finish(self, status: str) -> None:
        if self._journal is not None:
            if self._monitor is not None:
                self._monitor.close()
            try:
                self._append({"status": status, "ms": int(time.time() * 1000)})
            finally:
                self._sender.close(patience(status, self._finish_seconds, KILLED))

    def file(self, run_id: str, name: str) -> Path:
        return self._server.file(run_id, name)

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        return self._server.history(run_id, metric)

    @property
    def thread_seconds(self) -> float:
        """CPU time of the threads that send and watch, up to their latest pause."""
        return self._sender.cpu_seconds + (self._monitor.cpu_seconds if self._monitor else 0.0)

    def _append(self, entry: Mapping[str, object]) -> None:
        assert self._journal is not None
        began = time.perf_counter()
        self._journal.append(entry)
        self.seconds += time.perf_counter() - began
