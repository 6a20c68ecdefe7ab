"""Measuring: the fastest shape of those that give a photo one output, in a bounded time."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from apsi.device import calibration
from apsi.device.calibration import Outputs, Setting, find_graph, find_parallel, find_shapes

SIZES = (1, 2, 4, 8, 16, 32)


class Clock:
    """Time that passes only where a model is at work."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    process_time = perf_counter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(calibration, "time", clock)
    return clock


class Model:
    """Its time and its rounding are functions of the setting."""

    def __init__(
        self,
        clock: Clock,
        seconds: Callable[[Setting], float],
        rounding: Callable[[Setting, int], float] = lambda setting, row: 0.0,
    ) -> None:
        self.clock, self.seconds, self.rounding = clock, seconds, rounding
        self.tried: list[Setting] = []

    def __call__(self, setting: Setting, first: int) -> Outputs:
        self.tried.append(setting)
        self.clock.now += self.seconds(setting) * setting.batch * setting.workers
        return np.array([[first + row + self.rounding(setting, row)] for row in range(setting.batch)])


def photo_seconds(setting: Setting) -> float:
    """As measured of a MobileNetV2: slow alone, slow in large batches."""
    plain = {1: 0.019, 2: 0.019, 4: 0.019, 8: 0.022, 16: 0.030, 32: 0.045}
    last = {1: 0.019, 2: 0.015, 4: 0.013, 8: 0.016, 16: 0.026, 32: 0.040}
    return (last if setting.channels_last else plain)[setting.batch]


def test_the_fastest_batch_and_memory_format_are_found_within_two_seconds(clock: Clock) -> None:
    setting = find_shapes(Model(clock, photo_seconds), SIZES, [False, True])
    assert setting == Setting((1, 2, 4), channels_last=True)
    assert clock.now < 2.0


def test_a_shape_in_which_the_row_matters_is_not_chosen(clock: Clock) -> None:
    def last_row_differs(setting: Setting, row: int) -> float:
        return 1e-7 if setting.batch == 4 and row == 3 else 0.0

    setting = find_shapes(Model(clock, photo_seconds, last_row_differs), SIZES, [False, True])
    assert setting == Setting((1, 2), channels_last=True)


def test_a_smaller_shape_fills_the_last_batch_only_where_it_gives_the_same(clock: Clock) -> None:
    model = Model(clock, photo_seconds, lambda setting, row: 1e-7 if setting.batch == 1 else 0.0)
    assert find_shapes(model, SIZES, [True]).shapes == (2, 4)


def test_of_batches_that_are_nearly_as_fast_the_smallest_is_taken(clock: Clock) -> None:
    assert find_shapes(Model(clock, lambda s: 0.01 - 0.000005 * s.batch), SIZES, [False]).shapes == (1,)


def test_a_model_that_needs_longer_for_one_photo_is_measured_once(clock: Clock) -> None:
    model = Model(clock, lambda setting: 3.0)
    assert find_shapes(model, SIZES, [False, True]) == Setting((1,))
    assert len(model.tried) == 1


def test_a_batch_size_that_is_given_is_kept(clock: Clock) -> None:
    assert find_shapes(Model(clock, photo_seconds), SIZES, [False, True], fixed=8) == Setting((1, 2, 4, 8), True)
    slow = Model(clock, lambda setting: 1.0)
    assert find_shapes(slow, SIZES, [False], fixed=8).batch == 8


def test_a_given_batch_size_in_which_the_row_matters_is_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    find_shapes(Model(clock, photo_seconds, lambda setting, row: row * 1e-7), SIZES, [False], fixed=4)
    assert "batch_size=auto avoids it" in caplog.text


def test_batches_that_a_model_can_not_take_are_left_out_and_a_broken_model_is_not_hidden(clock: Clock) -> None:
    def one_at_a_time(setting: Setting) -> float:
        if setting.batch > 1:
            raise RuntimeError("the input must have shape (1, 3, 224, 224)")
        return 0.01

    assert find_shapes(Model(clock, one_at_a_time), SIZES, [False, True]) == Setting((1,))

    def broken(setting: Setting) -> float:
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        find_shapes(Model(clock, broken), SIZES, [False])


def test_a_model_made_for_one_number_of_photos_is_used_with_it(clock: Clock) -> None:
    def four_at_a_time(setting: Setting) -> float:
        if setting.batch != 4:
            raise RuntimeError("the input must have shape (4, 3, 224, 224)")
        return 0.01

    assert find_shapes(Model(clock, four_at_a_time), SIZES, [False]) == Setting((4,))
    assert find_shapes(Model(clock, four_at_a_time), SIZES, [False], fixed=4) == Setting((4,))


def test_a_given_batch_size_that_does_not_work_is_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    def small(setting: Setting) -> float:
        if setting.batch > 4:
            raise MemoryError("no room")
        return 0.01

    assert find_shapes(Model(clock, small), SIZES, [False], fixed=8).batch < 8
    assert [record.levelname for record in caplog.records if "Batches of 8" in record.message] == ["WARNING"]


def test_threads_and_workers_are_those_that_are_fastest_with_the_same_output(clock: Clock) -> None:
    def seconds(setting: Setting) -> float:
        return 0.01 / (1.3 if setting.threads == 2 else 1.9 if setting.workers == 2 else 1)

    options = [(1, 2), (2, 1)]
    assert find_parallel(Model(clock, seconds), Setting((2, 4)), options) == Setting((2, 4), workers=2)

    def threads_round(setting: Setting, row: int) -> float:
        return 1e-7 if setting.threads > 1 else 0.0

    slow_side_by_side = Model(clock, lambda s: 0.01 * s.workers / s.threads, threads_round)
    assert find_parallel(slow_side_by_side, Setting((4,)), options) == Setting((4,))


def test_cuda_graphs_are_used_where_they_pay_and_can_be_captured(clock: Clock) -> None:
    assert find_graph(Model(clock, lambda s: 0.01 / (1 + s.graph)), Setting((2, 4))) == Setting((2, 4), graph=True)
    assert not find_graph(Model(clock, lambda s: 0.01), Setting((4,))).graph

    def not_captured(setting: Setting) -> float:
        if setting.graph:
            raise RuntimeError("operation not permitted when stream is capturing")
        return 0.01

    assert not find_graph(Model(clock, not_captured), Setting((4,))).graph


@pytest.fixture
def splits() -> Iterator[tuple[Setting, int, list[int]]]:
    return iter(
        [
            (Setting((4,)), 9, [4, 4, 1]),
            (Setting((2, 4), workers=2), 8, [4, 4]),
            (Setting((2, 4), workers=2), 4, [2, 2]),
            (Setting((8,), workers=2), 8, [8]),
            (Setting((4,)), 0, []),
        ]
    )


def test_photos_are_dealt_out_so_that_all_workers_have_something_to_do(
    splits: Iterator[tuple[Setting, int, list[int]]],
) -> None:
    for setting, photos, expected in splits:
        assert [part.stop - part.start for part in setting.split(photos)] == expected
