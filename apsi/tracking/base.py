"""The tracking contract."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"


class Tracker(ABC):
    """Records one run. Only `start` and `finish` wait for the server or database that holds the records."""

    keeps_runs: bool = False
    """whether files and metrics of recorded runs can be got back by the runs' ids"""

    @property
    def run_id(self) -> str | None:
        """Id of the recorded run, for its child runs; None where there is none."""
        return None

    @abstractmethod
    def start(
        self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str], section: str = ""
    ) -> None:
        """Begins the record of the run in `folder`.

        Args:
            folder: of the run.
            name: shown in lists of runs.
            params: of the run, by name.
            tags: of the run, by name.
            section: part of the records that the run is kept in, such as `evaluations`; empty for trainings.

        Raises:
            ApsiError: the place where runs are recorded can't be reached.
        """

    @abstractmethod
    def tags(self, tags: Mapping[str, str]) -> None:
        """Records tags that were not known at the start."""

    @abstractmethod
    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Records numbers at an environment step."""

    @abstractmethod
    def dataset(self, split: PreparedSplit, context: str) -> None:
        """Records what data was used, and for what (`train`, `val`, `test`), and which juror scored it."""

    @abstractmethod
    def files(self) -> None:
        """Records the files that are in the run's folder now; those that have changed replace what was recorded."""

    @abstractmethod
    def model(self, checkpoint: Path) -> None:
        """Records the agent of a checkpoint as a model that others can load and edit photos with."""

    @abstractmethod
    def finish(self, status: str) -> None:
        """Ends the record as FINISHED, FAILED or KILLED."""

    @abstractmethod
    def discard(self) -> bool:
        """Ends and deletes the record unless it holds a data set or a figure; returns whether it was deleted."""

    def file(self, run_id: str, name: str) -> Path:
        """A file of a recorded run: in the run's own folder, or fetched from the record.

        Raises:
            ApsiError: no such run, or it has no such file.
        """
        raise ApsiError(f"{run_id} is no file or folder, and the chosen tracking keeps no runs; use tracking=mlflow")

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """A metric of a recorded run as pairs of step and value; empty where it has none.

        Raises:
            ApsiError: no such run.
        """
        raise ApsiError(f"{run_id} is no folder, and the chosen tracking keeps no runs; use tracking=mlflow")

    def find_checkpoint(self, run_id: str) -> Path:
        """The latest checkpoint of a recorded run.

        Raises:
            ApsiError: no such run, or it has none.
        """
        try:
            return self.file(run_id, "checkpoints/last.zip")
        except ApsiError as error:
            raise ApsiError(f"resume={run_id} is no file, and as a recorded run: {error}") from error
