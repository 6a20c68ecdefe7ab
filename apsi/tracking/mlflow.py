"""Runs in MLflow."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.tracking.base import Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_BATCH = 1000  # what MLflow takes at once
_SECONDS = 10.0
_PARAM_LENGTH = 6000


class MlflowTracker(Tracker):
    """Sends params, metrics (in batches), data set inputs and artefacts to MLflow."""

    def __init__(self, uri: str | None, experiment: str, output_dir: str) -> None:
        """Takes the place; connects to it at `start`.

        Args:
            uri: tracking URI; None for a sqlite database and an artefact folder in `output_dir`.
            experiment: name of the MLflow experiment, made when missing.
            output_dir: where the local database lies.
        """
        self._folder = Path(output_dir).expanduser().resolve()
        self._uri = uri or f"sqlite:///{self._folder / 'mlflow.db'}"
        self._local = uri is None
        self._experiment = experiment
        self._run_id = ""
        self._pending: list[Metric] = []
        self._sent = time.monotonic()

    @property
    def run_id(self) -> str | None:
        return self._run_id or None

    def start(self, name: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        with self._reachable():
            run = self._client.create_run(self._experiment_id(), run_name=name, tags=dict(tags))
            self._run_id = run.info.run_id
            recorded = [Param(key, value[:_PARAM_LENGTH]) for key, value in params.items()]
            for i in range(0, len(recorded), 100):  # MLflow's limit for params
                self._client.log_batch(self._run_id, params=recorded[i : i + 100])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._pending += [Metric(key, float(value), now, step) for key, value in values.items()]
        if len(self._pending) >= _BATCH or time.monotonic() - self._sent > _SECONDS:
            self._send()

    def dataset(self, split: PreparedSplit, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        schema = {"episodes": len(split.episodes), "dropped": split.dropped, "juror": split.juror}
        folder = split.folders[0].parent
        source = json.dumps({"uri": str(folder)})
        data = Dataset(folder.name, split.digest[:36], "local", source, json.dumps(schema))
        with self._reachable():
            self._client.log_inputs(self._run_id, [DatasetInput(data, [InputTag("mlflow.data.context", context)])])

    def artifact(self, path: Path, folder: str = "") -> None:
        with self._reachable():
            if path.is_dir():
                self._client.log_artifacts(self._run_id, str(path), "/".join(filter(None, (folder, path.name))))
            else:
                self._client.log_artifact(self._run_id, str(path), folder or None)

    def finish(self, status: str) -> None:
        if self._run_id:
            try:
                self._send()
            finally:
                with self._reachable():
                    self._client.set_terminated(self._run_id, status)

    def find_checkpoint(self, run_id: str) -> Path:
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(run_id)
            local = Path(run.data.tags.get("apsi.folder", "")) / "checkpoints" / "last.zip"
            if local.is_file():
                return local
            return Path(self._client.download_artifacts(run_id, "checkpoints")) / "last.zip"  # and the best beside it
        except (MlflowException, OSError) as error:
            raise ApsiError(
                f"resume={run_id} is no file, and no run with a checkpoint at {self._uri}: {error}"
            ) from error

    @cached_property
    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        for noisy in ("alembic", "mlflow.store.db.utils"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if not self._local:
            return MlflowClient(self._uri)
        self._folder.mkdir(parents=True, exist_ok=True)
        # several processes that open a fresh database at once break it, and so does a kill while it is made: one makes
        # it under another name, the others wait
        database, unfinished = self._folder / "mlflow.db", self._folder / ".mlflow.db.partial"
        with FileLock(self._folder / ".mlflow.lock"), self._reachable():
            if not database.exists():
                for leftover in self._folder.glob(".mlflow.db.partial*"):
                    leftover.unlink()
                MlflowClient(f"sqlite:///{unfinished}").search_experiments(max_results=1)
                unfinished.rename(database)
            return MlflowClient(self._uri)

    def _experiment_id(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        try:
            place = (self._folder / "mlflow-artifacts").as_uri() if self._local else None
            return str(self._client.create_experiment(self._experiment, artifact_location=place))
        except MlflowException:  # another process was faster
            found = self._client.get_experiment_by_name(self._experiment)
            if found is None:
                raise
            return str(found.experiment_id)

    def _send(self) -> None:
        with self._reachable():
            while self._pending:
                self._client.log_batch(self._run_id, metrics=self._pending[:_BATCH])
                del self._pending[:_BATCH]
        self._sent = time.monotonic()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            raise ApsiError(
                f"MLflow at {self._uri} refused: {error}. Check tracking.uri, or run with tracking=none"
            ) from error
