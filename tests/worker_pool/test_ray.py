"""Ray actors: the juror's own scores or an error, and nothing left behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from apsi.errors import ApsiError
from apsi.worker_pool.ray import RayPool
from tests.worker_pool.fragile import CRASH, HANG, NAN, ONCE, RAISE, Fragile, Missing
from tests.worker_pool.test_shared_memory import asking_for, photos

REPOSITORY = str(Path(__file__).parents[2])

pytest.importorskip("ray")


def open_pool(juror: Fragile, workers: int = 2, timeout: float = 60) -> RayPool:
    os.environ["PYTHONPATH"] = REPOSITORY  # where actors find the jurors of these tests
    return RayPool(juror, address=None, workers=workers, threads=1, chunk_size=4, timeout=timeout, start_timeout=60.0)


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ray") / "died"


@pytest.fixture(scope="module")
def pool(marker: Path) -> Iterator[RayPool]:
    with open_pool(Fragile(marker), timeout=2) as pool:
        yield pool


def test_scores_are_those_of_the_juror_for_photos_of_any_size(pool: RayPool) -> None:
    for n in (1, 2, 33):
        batch = photos(n, seed=n)
        assert pool.score(batch).tolist() == Fragile().score(batch).tolist()
    assert pool.score([]).shape == (0,)
    assert pool.fingerprint == "fragile"


@pytest.mark.slow
def test_warming_up_starts_every_actor(pool: RayPool) -> None:
    pool._stop()
    pool.warm_up()
    assert len(pool._actors) == 2


def test_photos_of_an_actor_that_dies_at_work_are_scored_again(pool: RayPool, marker: Path) -> None:
    batch = [*photos(5), asking_for(ONCE), *photos(5, seed=1)]
    before = pool.deaths
    scores = pool.score(batch)
    assert marker.exists() and pool.deaths == before + 1
    assert scores.tolist() == Fragile(marker).score(batch).tolist()


@pytest.mark.slow
def test_an_actor_that_was_killed_while_idle_is_replaced(pool: RayPool) -> None:
    pool.score(photos(4))
    for actor in pool._actors:
        pool._ray.kill(actor)
    assert pool.score(photos(9)).tolist() == Fragile().score(photos(9)).tolist()


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        pytest.param(NAN, "gave nan for photo 2", marks=pytest.mark.slow),
        (RAISE, "this photo is refused"),
        pytest.param(CRASH, "photo 2 of the batch.*3 Ray actors died", marks=pytest.mark.slow),
        pytest.param(HANG, "photo 2 of the batch.*timeout=2 s", marks=pytest.mark.slow),
    ],
    ids=["nan", "error", "crash", "hang"],
)
def test_a_photo_that_cannot_be_scored_is_an_error_and_the_pool_goes_on(
    pool: RayPool, failure: int, message: str
) -> None:
    batch = [*photos(2), asking_for(failure)]
    with pytest.raises((ApsiError, ValueError), match=message):
        pool.score(batch)
    assert pool.score(batch[:2]).tolist() == Fragile().score(batch[:2]).tolist()


def test_a_cluster_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ApsiError, match=r"address=127.0.0.1:1.*can't be reached"):
        RayPool(Fragile(), address="127.0.0.1:1", workers=1, threads=1, chunk_size=4, timeout=1.0, start_timeout=9.0)


@pytest.mark.slow
def test_nothing_is_left_after_the_end(pool: RayPool) -> None:
    pool.score(photos(1))
    rays = [child for child in psutil.Process().children(recursive=True) if "ray" in child.name()]
    assert any("raylet" in child.name() for child in rays)
    pool.close()
    _, alive = psutil.wait_procs(rays, timeout=20)
    assert not alive
    with pytest.raises(ApsiError, match="closed"):
        pool.score(photos(1))


@pytest.mark.slow
def test_a_juror_that_cannot_be_loaded_is_its_own_error(pool: RayPool) -> None:
    pool.close()  # its actors hold the cores
    with open_pool(Missing(), workers=1) as other, pytest.raises(ApsiError, match="the weights are missing"):
        other.score(photos(1))
