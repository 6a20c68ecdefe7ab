"""What is counted is what happened: parts of a run, scores, photos, steps."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.juror.measured import MeasuredJuror
from apsi.monitoring.machine import Machine
from apsi.monitoring.metrics import METRICS, Metrics
from apsi.photo import Floats, Photo
from apsi.preprocess.engine.local import Local
from apsi.train.counting import CountingCallback
from tests.conftest import Redness, natural_photo


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def values(metrics: Metrics) -> dict[str, float]:
    """Every sample, as `name{label}`."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_part_of_a_run_is_at_work_until_it_ends_also_with_an_error(metrics: Metrics) -> None:
    with metrics.phase("prepare"):
        assert values(metrics)["apsi_phase_running{prepare}"] == 1
        assert values(metrics)["apsi_phase_seconds{prepare}"] < values(metrics)["apsi_phase_seconds{prepare}"]
    with pytest.raises(ValueError), metrics.phase("train"):
        raise ValueError
    found = values(metrics)
    assert found["apsi_phase_running{prepare}"] == found["apsi_phase_running{train}"] == 0
    assert found["apsi_phase_seconds{prepare}"] == values(metrics)["apsi_phase_seconds{prepare}"] > 0


def test_a_new_run_shows_no_figures_of_the_one_before_it(metrics: Metrics) -> None:
    metrics.begin("train", "first")
    metrics.record({"eval/success_rate": 0.5})
    with metrics.phase("train"):
        pass
    metrics.steps.inc(7)
    metrics.begin("evaluate", "second")
    found = values(metrics)
    assert found["apsi_run_info{second,evaluate}"] == 1
    assert not [name for name in found if "first" in name or "figure{" in name or "phase" in name]
    assert found["apsi_train_steps_total"] == 7  # a counter only grows while its process lives


class Failing(Redness):
    def score(self, photos: Sequence[Photo]) -> Floats:
        raise RuntimeError("no score")


def test_calls_photos_and_cached_scores_are_counted(metrics: Metrics) -> None:
    photos = [natural_photo(seed) for seed in range(3)]
    cached = CachedJuror(MeasuredJuror(Redness(), metrics), 100)
    with metrics.cache(cached):
        cached.score(photos)
        cached.score([*photos, natural_photo(9)])
        during = values(metrics)
    assert during["apsi_juror_cache_hits"] == 3 and during["apsi_juror_cache_misses"] == 4
    with metrics.cache(CachedJuror(Redness(), 100)):  # the next one adds to what was counted
        found = values(metrics)
    assert found == values(metrics)
    assert found["apsi_juror_cache_hits"] == 3
    assert found["apsi_juror_scored_photos_total"] == 4
    assert found["apsi_juror_score_seconds_count"] == 2
    assert found["apsi_juror_scoring_photos"] == 0


def test_photos_of_a_call_that_failed_wait_no_longer_and_are_not_scored(metrics: Metrics) -> None:
    with pytest.raises(RuntimeError, match="no score"):
        MeasuredJuror(Failing(), metrics).score([natural_photo(0)])
    found = values(metrics)
    assert found["apsi_juror_scoring_photos"] == found["apsi_juror_scored_photos_total"] == 0


class Framed(Juror):
    """Sees what a photo was cut from, and has a say of its own in everything that can be asked."""

    fingerprint, tolerance, reservation, sees_frame = "framed", 0.25, "not yet", True
    warm = 0

    def warm_up(self) -> None:
        self.warm += 1

    def score(self, photos: Sequence[Photo]) -> Floats:
        return np.full(len(photos), 2.0)


def test_a_measured_juror_says_what_the_juror_says(metrics: Metrics) -> None:
    juror = Framed()
    measured = MeasuredJuror(juror, metrics)
    measured.warm_up()
    for name in ("fingerprint", "tolerance", "reservation", "sees_frame"):
        assert getattr(measured, name) == getattr(juror, name), name
    assert juror.warm == 1
    assert (measured.score([natural_photo(0)]) == juror.score([natural_photo(0)])).all()


def test_steps_episodes_and_successes_are_counted_after_those_before_the_run_went_on(metrics: Metrics) -> None:
    counting = CountingCallback(metrics, planned=1000)
    counting.num_timesteps = 500
    counting._on_training_start()
    for dones in ([False, False], [True, True], [False, True]):
        counting.num_timesteps += 2
        infos = [{"is_success": i == 0} for i in range(2)]
        counting.locals = {"dones": np.array(dones), "infos": infos}
        assert counting._on_step()
    counting.locals = {}  # of an algorithm that plays no episodes
    counting.num_timesteps += 4
    assert counting._on_step()
    found = values(metrics)
    assert found["apsi_train_steps_total"] == 10 and found["apsi_train_timesteps"] == 510
    assert found["apsi_train_timesteps_planned"] == 1000
    assert found["apsi_train_episodes_total"] == 3 and found["apsi_train_successes_total"] == 1


def test_photos_are_counted_once_they_are_done() -> None:
    def squares() -> Iterator[int]:
        with Local(1).stream(lambda item: item * item, range(5), "Squaring for a test") as results:
            for result in results:
                yield result
                name = "apsi_preprocess_photos_total{Squaring for a test}"
                assert values(METRICS)[name] == result**0.5 + 1

    assert list(squares()) == [0, 1, 4, 9, 16]
    assert values(METRICS)["apsi_preprocess_photos_expected{Squaring for a test}"] == 5


def test_memory_and_disks_are_those_of_this_machine(tmp_path: "pytest.TempPathFactory") -> None:
    metrics = Metrics()
    metrics.registry.register(Machine({"output_dir": tmp_path / "not" / "yet"}))  # type: ignore[operator]
    found = values(metrics)
    assert 10e6 < found["apsi_process_memory_bytes{main}"] < found["apsi_machine_memory_total_bytes"]
    assert 0 <= found["apsi_machine_cpu_ratio"] <= 1
    assert found["apsi_disk_free_bytes{output_dir}"] > 0
    assert not any(name.startswith("apsi_gpu") for name in found)


def test_gpus_are_told_once_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from apsi.monitoring import machine

    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 2,
        mem_get_info=lambda i: (30 - i, 100),
        utilization=lambda i: 25 * (i + 1),
    )
    monkeypatch.setitem(machine.sys.modules, "torch", SimpleNamespace(cuda=cuda, __version__="2"))
    monkeypatch.setattr(machine, "find_spec", lambda name: object())
    assert machine.gpus() == [machine.Gpu(0, 70, 100, 0.25), machine.Gpu(1, 71, 100, 0.5)]
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    assert [gpu.utilisation for gpu in machine.gpus()] == [None, None]
