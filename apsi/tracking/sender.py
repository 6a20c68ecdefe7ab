"""Sending a run's journal while the run continues."""

import logging
import threading
import time

from apsi.console import progress
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.tracking.journal import Journal
from apsi.tracking.mlflow_store import MlflowStore

log = logging.getLogger(__name__)

_EVERY = 5.0  # seconds
_LONGEST_PAUSE = 60.0
_PATIENCE_WHEN_KILLED = 3.0


class Sender:
    """A thread that sends what the journal holds; retries an unreachable server at growing intervals."""

    def __init__(self, journal: Journal, store: MlflowStore, run_id: str) -> None:
        self._journal, self._store, self._run_id = journal, store, run_id
        self._wake, self._closing, self._abandoned = threading.Event(), threading.Event(), threading.Event()
        self._failures = 0
        self._crash: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="apsi-tracking", daemon=True)
        self.cpu_seconds = 0.0
        """spent in the thread"""

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def close(self, patience: float) -> None:
        """Sends the rest, for at most `patience` seconds; what is left then waits for `task=sync`."""
        self._closing.set()
        self._wake.set()
        self._thread.join(min(0.5, patience))
        if self._thread.is_alive():
            self._show_rest(patience - 0.5)
        if self._thread.is_alive():
            self._abandoned.set()
            log.warning(
                "MLflow at %s does not take the record: %d entries wait in %s. Send them when it is back: %s task=sync",
                *(self._store.uri, self._journal.unsent(), self._journal.path, command()),
            )
        if self._crash is not None:
            raise self._crash

    def _show_rest(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        total = self._journal.unsent()
        with progress() as bar:
            task = bar.add_task("Sending to MLflow", total=total)
            while self._thread.is_alive() and time.monotonic() < deadline:
                bar.update(task, completed=total - self._journal.unsent())
                self._thread.join(0.25)

    def _run(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            while not self._abandoned.is_set():
                self._wake.wait(self._pause())
                self._wake.clear()
                last = self._closing.is_set()
                try:
                    for _ in self._store.send(self._journal, self._run_id):
                        if self._abandoned.is_set():
                            return
                except (MlflowException, OSError) as error:
                    self._say_failed(error)
                else:
                    self._say_back()
                    if last:
                        return
                self.cpu_seconds = time.thread_time()
        except BaseException as error:
            self._crash = error  # for whoever closes
        finally:
            self.cpu_seconds = time.thread_time()
            self._journal.owner.release()

    def _pause(self) -> float:
        if self._closing.is_set():
            return 1.0 if self._failures else 0.0
        return float(min(_EVERY * 2**self._failures, _LONGEST_PAUSE))

    def _say_failed(self, error: Exception) -> None:
        if not self._failures:
            log.warning(
                "MLflow at %s does not answer. The run continues; what is recorded is kept in %s and sent later (%s)",
                *(self._store.uri, self._journal.path, str(error).splitlines()[0]),
            )
        self._failures = min(self._failures + 1, 10)

    def _say_back(self) -> None:
        if self._failures:
            log.info("MLflow at %s is back and has everything so far", self._store.uri)
        self._failures = 0


def patience(status: str, seconds: float, killed: str) -> float:
    """Seconds to wait for the rest to be sent; someone who pressed Ctrl-C does not want to wait."""
    return min(seconds, _PATIENCE_WHEN_KILLED) if status == killed else seconds


def send_now(journal: Journal, store: MlflowStore, run_id: str) -> int:
    """Sends a journal that nobody else sends; returns the number of entries.

    Raises:
        ApsiError: the server can't be reached or refuses; the rest waits.
    """
    from mlflow.exceptions import MlflowException

    try:
        return sum(store.send(journal, run_id))
    except (MlflowException, OSError) as error:
        raise ApsiError(
            f"MLflow at {store.uri} did not take all of {journal.path}, {journal.unsent()} entries still wait: {error}"
        ) from error
