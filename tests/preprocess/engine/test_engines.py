"""Every engine does the same: results in order, a little ahead, the first error as it is."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.preprocess.engine.base import Engine
from apsi.preprocess.engine.local import Local
from apsi.preprocess.engine.ray import RayData

REPOSITORY = str(Path(__file__).parents[3])


def ray_data(address: str | None = None) -> RayData:
    os.environ["PYTHONPATH"] = REPOSITORY  # where workers find what these tests ask for
    return RayData(address=address, workers=2, chunk_size=4, memory_mb=100)


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "ray":
        pytest.importorskip("ray")
    with Local(2) if request.param == "local" else ray_data() as engine:
        yield engine


def slow_at_first(number: int) -> int:
    time.sleep(0.05 if number == 0 else 0)
    return number * number


def fail_at_3(number: int) -> int:
    if number == 3:
        raise OSError(28, "No space left on device", "photo 3")
    return number


class OddError(Exception):
    """Can't be made again from its arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def fail_oddly(number: int) -> None:
    raise OddError(1, 2)


def refuse(number: int) -> None:
    raise ApsiError("this photo is refused")


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    assert engine.map(slow_at_first, range(41), "Squares") == [number * number for number in range(41)]
    assert engine.map(slow_at_first, [], "Nothing") == []


def test_the_first_error_comes_as_it_is_after_the_results_before_it(engine: Engine) -> None:
    seen = []
    with pytest.raises(OSError, match="No space left") as caught, engine.stream(fail_at_3, range(40), "Numbers") as all:
        for number in all:
            seen.append(number)
    assert seen == [0, 1, 2]
    assert (caught.value.errno, caught.value.filename) == (28, "photo 3")
    with pytest.raises(ApsiError, match=r"^this photo is refused$"):
        engine.map(refuse, [1], "Numbers")
    with pytest.raises((OddError, RuntimeError), match="1 and 2"):
        engine.map(fail_oddly, [1], "Numbers")


def test_a_consumer_that_leaves_early_ends_the_work_and_the_engine_goes_on(engine: Engine, tmp_path: Path) -> None:
    def leave_a_mark(number: int) -> int:
        (tmp_path / str(number)).touch()
        time.sleep(0.01)
        return number

    with engine.stream(leave_a_mark, range(2000), "Numbers") as numbers:
        assert next(numbers) == 0
    assert len(list(tmp_path.iterdir())) < 1900
    assert engine.map(slow_at_first, range(3), "Squares") == [0, 1, 4]


def test_a_slow_consumer_holds_the_local_engine_back() -> None:
    made: list[int] = []
    with Local(2).stream(lambda n: made.append(n) or n, range(500), "Numbers") as numbers:
        next(numbers)
        time.sleep(0.1)
        assert len(made) <= 10
        assert list(numbers) == list(range(1, 500))


def test_photos_come_back_from_workers_bit_for_bit(engine: Engine) -> None:
    def photo(seed: int) -> Photo:
        return np.random.default_rng(seed).integers(0, 256, (30, 20 + seed, 3), dtype=np.uint8)

    for seed, made in enumerate(engine.map(photo, range(9), "Photos")):
        assert np.array_equal(made, photo(seed))
