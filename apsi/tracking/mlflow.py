"""Runs in MLflow."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import NonNegativeFloat

from apsi.photo.prepared import PreparedSplit
from apsi.tracking.base import FAILED, KILLED, Tracker
from apsi.tracking.journal import Header, Journal, files_to_record
from apsi.tracking.mlflow_store import MlflowStore
from apsi.tracking.sender import Sender, patience
from apsi.tracking.system import SystemMonitor
from apsi.types import Seconds


class MlflowTracker(Tracker):
    """Writes every record into the run's journal, from which a thread sends it to MLflow."""

    keeps_runs = True

    def __init__(
        self,
        uri: str | None,
        experiment: str,
        output_dir: str,
        system_seconds: Seconds | None,
        finish_seconds: NonNegativeFloat,
    ) -> None:
        """Stores the address; connects at `start`.

        Args:
            uri: tracking URI; None for a sqlite database and an artefact folder in `output_dir`.
            experiment: name of the MLflow experiment, made when missing.
            output_dir: where the local database lies.
            system_seconds: time between two measurements of the machine's load; None for none.
            finish_seconds: how long the end of a run waits for unsent entries.
        """
        self._store = MlflowStore(uri, Path(output_dir).expanduser().resolve())
        self._experiment = experiment
        self._system_seconds, self._finish_seconds = system_seconds, finish_seconds
        self._run_id: str | None = None
        self._journal: Journal | None = None
        self._monitor: SystemMonitor | None = None
        self._holds_results = False
        self._recorded: dict[str, tuple[int, int, int]] = {}
        self.seconds = 0.0
        """time that callers have waited for this tracker"""

    @property
    def run_id(self) -> str | None:
        return self._run_id

    def start(
        self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str], section: str = ""
    ) -> None:
        experiment = f"{self._experiment} {section}".strip()
        run_id = self._run_id = self._store.create_run(experiment, name, tags)
        self._journal = Journal(folder)
        self._journal.begin(Header(self._store.uri, run_id))
        self._sender = Sender(self._journal, self._store, run_id)
        self._sender.start()
        self._append({"params": dict(params)})
        if self._system_seconds is not None:
            self._monitor = SystemMonitor(self._record, self._system_seconds)
            self._monitor.start()

    def tags(self, tags: Mapping[str, str]) -> None:
        self._append({"tags": dict(tags)})

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        if values:
            self._holds_results = True
            self._record({key: float(value) for key, value in values.items()}, step)

    def dataset(self, split: PreparedSplit, context: str) -> None:
        folder = split.folders[0].parent
        self._holds_results = True
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

    def files(self) -> None:
        assert self._journal is not None
        for entry in files_to_record(self._journal.run_folder):
            stat = (self._journal.run_folder / entry["artifact"]).stat()
            state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if self._recorded.get(entry["artifact"]) != state:
                self._recorded[entry["artifact"]] = state
                self._append(entry)

    def model(self, checkpoint: Path) -> None:
        from apsi.tracking.model import save_model

        assert self._journal is not None
        folder = self._journal.path.parent / "model"
        save_model(checkpoint, folder)
        self._append({"model": folder.relative_to(self._journal.run_folder).as_posix()})

    def finish(self, status: str) -> None:
        self._end({"status": status})

    def discard(self) -> bool:
        if self._holds_results:
            return False
        self._end({"status": FAILED, "discard": True})
        return True

    def _end(self, entry: Mapping[str, object]) -> None:
        if self._journal is not None:
            if self._monitor is not None:
                self._monitor.close()
            try:
                self._append({**entry, "ms": int(time.time() * 1000)})
            finally:
                self._sender.close(patience(str(entry["status"]), self._finish_seconds, KILLED))

    def file(self, run_id: str, name: str) -> Path:
        return self._store.file(run_id, name)

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        return self._store.history(run_id, metric)

    @property
    def thread_seconds(self) -> float:
        """CPU time of the threads that send and watch, up to their latest pause."""
        return self._sender.cpu_seconds + (self._monitor.cpu_seconds if self._monitor else 0.0)

    def _record(self, numbers: Mapping[str, float], step: int) -> None:
        self._append({"metrics": dict(numbers), "step": step, "ms": int(time.time() * 1000)})

    def _append(self, entry: Mapping[str, object]) -> None:
        assert self._journal is not None
        began = time.perf_counter()
        self._journal.append(entry)
        self.seconds += time.perf_counter() - began
