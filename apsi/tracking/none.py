"""No record besides the run's folder."""

from collections.abc import Mapping
from pathlib import Path

from apsi.photo.prepared import PreparedSplit
from apsi.tracking.base import Tracker


class NoTracker(Tracker):
    """Records nothing."""

    def start(
        self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str], section: str = ""
    ) -> None:
        return

    def tags(self, tags: Mapping[str, str]) -> None:
        return

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        return

    def dataset(self, split: PreparedSplit, context: str) -> None:
        return

    def files(self) -> None:
        return

    def model(self, checkpoint: Path) -> None:
        return

    def finish(self, status: str) -> None:
        return

    def discard(self) -> bool:
        return True
