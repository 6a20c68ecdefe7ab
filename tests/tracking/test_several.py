"""Several records of one run: all get the same, and how one of them fails costs the others nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from apsi.config.schema import completed
from apsi.config.trackers import open_tracker
from apsi.errors import ApsiError
from apsi.monitoring.metrics import METRICS
from apsi.tracking.none import NoTracker
from apsi.tracking.several import SeveralTrackers


class Noting(NoTracker):
    """Remembers what it was asked to do; fails where it is told to."""

    def __init__(self, fails_at: str = "", keeps_runs: bool = False, deletes: bool = True) -> None:
        self.asked: list[str] = []
        self.keeps_runs = keeps_runs
        self._fails_at, self._deletes = fails_at, deletes

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if self._fails_at and what.startswith(self._fails_at):
            raise ApsiError(f"{what} fails")

    def start(self, *arguments: object, **more: object) -> None:
        self._note("start")

    def metrics(self, values: object, step: int) -> None:
        self._note(f"metrics {values} {step}")

    def finish(self, status: str) -> None:
        self._note(f"finish {status}")

    def discard(self) -> bool:
        self._note("discard")
        return self._deletes

    def file(self, run_id: str, name: str) -> Path:
        return Path(run_id, name)


def test_all_get_the_same_and_the_latest_figures_can_be_watched() -> None:
    trackers = [Noting(), Noting()]
    SeveralTrackers(trackers).metrics({"eval/mean_gain": 0.25}, 7)
    assert trackers[0].asked == trackers[1].asked == ["metrics {'eval/mean_gain': 0.25} 7"]
    assert 'apsi_figure{name="eval/mean_gain"} 0.25' in METRICS.text().decode()


def test_where_one_cant_begin_those_that_began_leave_no_record(tmp_path: Path) -> None:
    first, second, last = Noting(), Noting("start"), Noting()
    with pytest.raises(ApsiError, match="start fails"):
        SeveralTrackers([first, second, last]).start(tmp_path, "run", {}, {})
    assert first.asked == ["start", "discard"]
    assert second.asked == ["start"] and last.asked == []


@pytest.mark.parametrize("end", [lambda t: t.finish("FINISHED"), lambda t: t.discard()])
def test_all_end_though_the_first_one_fails(end: Callable[[SeveralTrackers], object]) -> None:
    first, second = Noting("finish"), Noting()
    first._fails_at = "finish" if end.__code__.co_names == ("finish",) else "discard"
    with pytest.raises(ApsiError, match="fails"):
        end(SeveralTrackers([first, second]))
    assert len(second.asked) == 1


def test_a_record_is_deleted_only_where_all_are() -> None:
    assert SeveralTrackers([Noting(), Noting()]).discard()
    assert not SeveralTrackers([Noting(), Noting(deletes=False)]).discard()


def test_runs_are_got_back_from_the_one_that_keeps_them() -> None:
    assert SeveralTrackers([NoTracker(), Noting(keeps_runs=True)]).file("3f", "a") == Path("3f/a")
    with pytest.raises(ApsiError, match="tracking=mlflow"):
        SeveralTrackers([NoTracker(), NoTracker()]).file("3f", "a")


def test_no_place_to_record_in_is_an_error() -> None:
    with pytest.raises(ApsiError, match="tracking=none"):
        open_tracker(OmegaConf.create({"tracking": {}}))


def test_a_record_of_when_there_was_one_tracker_is_read() -> None:
    written = {"tracking": {"_target_": "apsi.tracking.none.NoTracker"}}
    assert completed(written).tracking == {"none": written["tracking"]}
