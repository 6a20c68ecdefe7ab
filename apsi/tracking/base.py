"""The tracking contract."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"


class Tracker(ABC):
    """Records one run. Metrics may be held back for a while; `finish` sends what is left."""

    @property
    def run_id(self) -> str | None:
        """Id of the recorded run, for runs that are a part of it; None where there is none."""
        return None

    @abstractmethod
    def start(self, name: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Begins the record.

        Raises:
            ApsiError: the place where runs are recorded can't be reached.
        """

    @abstractmethod
    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Records numbers at an environment step."""

    @abstractmethod
    def dataset(self, split: PreparedSplit, context: str) -> None:
        """Records what data was used, and for what (`train`, `val`, `test`)."""

    @abstractmethod
    def artifact(self, path: Path, folder: str = "") -> None:
        """Records a file, or a folder with all that is in it."""

    @abstractmethod
    def finish(self, status: str) -> None:
        """Ends the record as FINISHED, FAILED or KILLED."""

    def find_checkpoint(self, run_id: str) -> Path:
        """The latest checkpoint of a recorded run.

        Raises:
            ApsiError: no such run, or it has none.
        """
        raise ApsiError(f"resume={run_id} is no file, and the chosen tracking keeps no runs; use tracking=mlflow")
