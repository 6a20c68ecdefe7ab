"""Several records of one run; what is recorded can also be watched while the run is at work."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from apsi.errors import ApsiError
from apsi.monitoring.metrics import METRICS
from apsi.photo.prepared import PreparedSplit
from apsi.tracking.base import FAILED, Tracker

T = TypeVar("T")


class SeveralTrackers(Tracker):
    """Records in each of them, in order, and shows the latest figures to Prometheus."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        """Takes them.

        Args:
            trackers: one or more.

        Raises:
            ApsiError: there is none.
        """
        if not trackers:
            raise ApsiError("tracking=[] names no place to record runs in; for none: tracking=none")
        self.trackers = list(trackers)
        self.keeps_runs = any(tracker.keeps_runs for tracker in trackers)

    @property
    def run_id(self) -> str | None:
        return next((tracker.run_id for tracker in self.trackers if tracker.run_id is not None), None)

    def start(
        self, folder: Path, name: str, params: Mapping[str, str], tags: Mapping[str, str], section: str = ""
    ) -> None:
        begun: list[Tracker] = []
        try:
            for tracker in self.trackers:
                tracker.start(folder, name, params, tags, section)
                begun.append(tracker)
        except BaseException:
            for tracker in begun:
                if not tracker.discard():
                    tracker.finish(FAILED)
            raise

    def tags(self, tags: Mapping[str, str]) -> None:
        for tracker in self.trackers:
            tracker.tags(tags)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        METRICS.record(values)
        for tracker in self.trackers:
            tracker.metrics(values, step)

    def dataset(self, split: PreparedSplit, context: str) -> None:
        for tracker in self.trackers:
            tracker.dataset(split, context)

    def files(self) -> None:
        for tracker in self.trackers:
            tracker.files()

    def model(self, checkpoint: Path) -> None:
        for tracker in self.trackers:
            tracker.model(checkpoint)

    def finish(self, status: str) -> None:
        self._each(lambda tracker: tracker.finish(status))

    def discard(self) -> bool:
        return all(self._each(lambda tracker: tracker.discard()))

    def file(self, run_id: str, name: str) -> Path:
        return self._keeper().file(run_id, name)

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        return self._keeper().history(run_id, metric)

    def _keeper(self) -> Tracker:
        """The first that runs can be got back from; another, which says so, where there is none."""
        return next((tracker for tracker in self.trackers if tracker.keeps_runs), self.trackers[0])

    def _each(self, act: Callable[[Tracker], T]) -> list[T]:
        """Does it with all of them, also where one fails; raises the first error then."""
        done, errors = [], []
        for tracker in self.trackers:
            try:
                done.append(act(tracker))
            except Exception as error:  # raised below, when all have had their turn
                errors.append(error)
        if errors:
            raise errors[0]
        return done
