"""The only module that talks to MLflow, local or remote."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock

from apsi.errors import ApsiError
from apsi.photo.write import link_or_copy
from apsi.tracking.journal import Batch, Entry, Journal

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

DATABASE, ARTIFACTS = "mlflow.db", "mlflow-artifacts"
"""The local database, and the folder next to it"""
_PARAM_LENGTH = 6000
_PARAMS = 100  # that MLflow takes at once
_MODEL = "model"
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow's pages open with views for chat models
_TIMEOUT, _RETRIES = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_CHOSEN_BY_USER = {name for name in (_TIMEOUT, _RETRIES) if name in os.environ}


class MlflowStore:
    """A tracking server or a local database."""

    def __init__(self, uri: str | None, folder: Path) -> None:
        """Stores the address; connects when it is first used.

        Args:
            uri: tracking URI; None for a sqlite database and an artefact folder in `folder`.
            folder: where the local database lies; made when missing.

        Raises:
            ApsiError: the URI holds a password, which would end up in every record.
        """
        if uri is not None and "@" in uri and urlsplit(uri).password is not None:
            raise ApsiError(
                f"tracking.mlflow.uri holds the password of {urlsplit(uri).hostname}, and it is recorded with each "
                "run: leave it out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (a database: "
                "PGPASSWORD or alike)"
            )
        self._folder, self._local = folder, uri is None
        self._artifact_uris: dict[str, str] = {}
        self.uri = uri or f"sqlite:///{folder / DATABASE}"

    def create_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> str:
        """Begins a run and returns its id; gives up after a few seconds without an answer.

        Raises:
            ApsiError: the server can't be reached or refuses.
        """
        with self._explained():
            client = self.client
            _set_timeouts(5)
            experiment_id = self._experiment_id(experiment)
            run_id = str(client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id)
        _set_timeouts(60)
        return run_id

    def send(self, journal: Journal, run_id: str) -> Iterator[int]:
        """Sends the unsent entries, batch by batch; yields the number of entries sent.

        Raises:
            MlflowException, OSError: the server can't be reached or refuses; what was sent is marked.
        """
        for batch in journal.batches():
            self._deliver(run_id, journal.run_folder, batch)
            journal.mark(batch.end)
            yield len(batch.entries)

    def file(self, run_id: str, name: str) -> Path:
        """A file of a run: in its own folder where that is on this machine, or fetched.

        Raises:
            ApsiError: no such run, or it has no such file.
        """
        with self._explained(f"no run {run_id} with {name}"):
            run = self.client.get_run(run_id)
            local = Path(run.data.tags.get("apsi.folder", "")) / name
            if local.is_file():
                return local
            path = Path(name)  # the whole folder, so that the best checkpoint comes with the last
            folder = str(path.parent) if path.parent != Path() else name
            fetched = Path(self.client.download_artifacts(run_id, folder))
            return fetched / path.name if fetched.is_dir() else fetched

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """A metric of a run as pairs of step and value.

        Raises:
            ApsiError: no such run.
        """
        with self._explained(f"no run {run_id}"):
            self.client.get_run(run_id)
            return sorted((m.step, m.value) for m in self.client.get_metric_history(run_id, metric))

    def delete(self, run_id: str, models: Sequence[str] = ()) -> None:
        """Marks a run and logged models as deleted, as MLflow's own pages do; what is not there is no error.

        Raises:
            ApsiError: the server can't be reached or refuses.
        """
        from mlflow.exceptions import MlflowException

        with self._explained(f"run {run_id} can't be deleted"):
            for delete, name in (
                (self.client.delete_run, run_id),
                *((self.client.delete_logged_model, m) for m in models),
            ):
                try:
                    delete(name)
                except MlflowException as error:
                    if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                        raise

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's own client."""
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        _set_timeouts(60)
        from mlflow import MlflowClient

        for noisy in ("alembic", "mlflow.store.db.utils"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if not self._local:
            return MlflowClient(self.uri)
        self._folder.mkdir(parents=True, exist_ok=True)
        # several processes that open a fresh database at once break it, and so does a kill while it is made: one makes
        # it under another name, the others wait
        database, unfinished = self._folder / DATABASE, self._folder / ".mlflow.db.partial"
        with FileLock(self._folder / ".mlflow.lock"):
            if not database.exists():
                for leftover in self._folder.glob(".mlflow.db.partial*"):
                    leftover.unlink()
                MlflowClient(f"sqlite:///{unfinished}").search_experiments(max_results=1)
                unfinished.rename(database)
            return MlflowClient(self.uri)

    def _experiment_id(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        try:
            place = (self._folder / ARTIFACTS).as_uri() if self._local else None
            return str(self.client.create_experiment(name, artifact_location=place, tags=_KIND))
        except MlflowException:  # another process was faster
            found = self.client.get_experiment_by_name(name)
            if found is None:
                raise
            return str(found.experiment_id)

    def _deliver(self, run_id: str, folder: Path, batch: Batch) -> None:
        from mlflow.entities import Param, RunTag

        match batch.entries[0]:
            case {"params": values}:
                params = [Param(key, value[:_PARAM_LENGTH]) for key, value in values.items()]
                for i in range(0, len(params), _PARAMS):
                    self.client.log_batch(run_id, params=params[i : i + _PARAMS])
            case {"tags": values}:
                self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in values.items()])
            case {"dataset": values, "context": context}:
                self._log_dataset(run_id, values, context)
            case {"artifact": name, "to": to}:
                self._log_artifact(run_id, folder, name, to)
            case {"model": name}:
                self._log_model(run_id, _inside(folder, name))
            case {"status": status, "ms": ms, **more}:
                self.client.set_terminated(run_id, status, ms)
                if more.get("discard"):
                    self.client.delete_run(run_id)
            case _:
                self._log_metrics(run_id, batch.entries)

    def _log_metrics(self, run_id: str, entries: Sequence[Entry]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(_taken(k), v, e["ms"], e["step"]) for e in entries for k, v in e["metrics"].items()]
        for i in range(0, len(metrics), 1000):
            self.client.log_batch(run_id, metrics=metrics[i : i + 1000])

    def _log_dataset(self, run_id: str, values: Mapping[str, Any], context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        self.client.log_inputs(run_id, [DatasetInput(Dataset(**values), [InputTag("mlflow.data.context", context)])])

    def _log_artifact(self, run_id: str, folder: Path, name: str, to: str) -> None:
        path = _inside(folder, name)
        if not path.exists():
            log.warning("%s is gone and can't be sent to MLflow", path)
        elif _is_local(uri := self._artifact_uri(run_id)):
            _place(path, uri, to)
        elif path.is_dir():
            self.client.log_artifacts(run_id, str(path), to)
        else:
            self.client.log_artifact(run_id, str(path), to or None)

    def _artifact_uri(self, run_id: str) -> str:
        if run_id not in self._artifact_uris:
            self._artifact_uris[run_id] = str(self.client.get_run(run_id).info.artifact_uri)
        return self._artifact_uris[run_id]

    def _log_model(self, run_id: str, folder: Path) -> None:
        """The agent as a logged model of MLflow, to which `runs:/RUN_ID/model` leads; sent twice, it is there once."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus

        run = self.client.get_run(run_id)
        whose = f"source_run_id = '{run_id}' AND name = '{_MODEL}'"
        found = self.client.search_logged_models([run.info.experiment_id], filter_string=whose)
        model = found[0] if found else self.client.create_logged_model(run.info.experiment_id, _MODEL, run_id)
        if model.status == LoggedModelStatus.READY:
            return
        if _is_local(model.artifact_location):
            _place(folder, model.artifact_location, "")
        else:
            self.client.log_model_artifacts(model.model_id, str(folder))
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        self.client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)

    @contextmanager
    def _explained(self, missing: str = "") -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            if isinstance(error, OSError) and error.filename:  # such as a full disk, which is not MLflow's fault
                raise
            what = f"{missing} at" if missing else "can't record this run with MLflow at"
            raise ApsiError(f"{what} {self.uri}: {error}. Check tracking.mlflow.uri, or use tracking=none") from error


def _taken(name: str) -> str:
    """The name of a metric as MLflow takes it: labels of actions have brackets, commas and plus signs."""
    return re.sub(r"[^\w\-./ ]", "_", name)


def _inside(folder: Path, name: str) -> Path:
    """A file of a run's folder.

    Raises:
        ApsiError: it is none: the journal may come from elsewhere.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ApsiError(f"the journal of {folder} names {name}, which is outside it, and is not sent")
    return path


def _is_local(uri: str) -> bool:
    return urlsplit(uri).scheme in ("", "file")


def _place(path: Path, uri: str, to: str) -> None:
    """Puts a file, or what is in a folder, into a local folder of artifacts, as hard links where possible."""
    root = Path(url2pathname(urlsplit(uri).path)).resolve()
    target = (root / to).resolve()
    if not target.is_relative_to(root):
        raise ApsiError(f"an artifact is to be put into {to}, which is outside {root}, and is not sent")
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            link_or_copy(file, target / (file.relative_to(path) if path.is_dir() else file.name))


def _set_timeouts(seconds: int) -> None:
    """How long requests over HTTP wait, unless the user has set MLflow's own variables."""
    for name, value in ((_TIMEOUT, seconds), (_RETRIES, 1)):
        if name not in _CHOSEN_BY_USER:
            os.environ[name] = str(value)
