"""Worker processes over shared memory: the juror's own scores or an error, and nothing left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo import Photo
from apsi.worker_pool.shared_memory import _PREFIX, SharedMemoryPool, sweep
from tests.worker_pool.fragile import CRASH, HANG, NAN, ONCE, RAISE, Fragile, Missing, Unloadable

SHM = Path("/dev/shm")

pytestmark = pytest.mark.skipif(not SHM.is_dir(), reason="looks at shared memory as Linux shows it")


def open_pool(juror: Juror, workers: int = 1, timeout: float = 60) -> SharedMemoryPool:
    return SharedMemoryPool(juror, workers=workers, threads=1, chunk_size=4, timeout=timeout, start_timeout=60)


@pytest.fixture(scope="module")
def pool() -> Iterator[SharedMemoryPool]:
    with open_pool(Fragile(), workers=2) as pool:
        yield pool


def photos(n: int, seed: int = 0) -> list[Photo]:
    """Photos of different sizes; none asks the juror to fail."""
    rng = np.random.default_rng(seed)
    return [rng.integers(10, 256, (*rng.integers(1, 40, 2), 3), dtype=np.uint8) for _ in range(n)]


def asking_for(failure: int) -> Photo:
    return np.full((8, 8, 3), failure, np.uint8)


def segments() -> list[str]:
    return [path.name for path in SHM.glob(f"{_PREFIX}{os.getpid()}-*")]


def test_scores_are_those_of_the_juror_for_photos_of_any_size(pool: SharedMemoryPool) -> None:
    for n in (1, 2, 33, 7):
        batch = photos(n, seed=n)
        assert pool.score(batch).tolist() == Fragile().score(batch).tolist()
    assert pool.score([]).shape == (0,)
    assert pool.fingerprint == "fragile"


def test_warming_up_loads_the_juror_in_every_worker() -> None:
    with open_pool(Fragile(), workers=2) as pool:
        pool.warm_up()
        assert len(pool.pids) == 2
        assert all(worker.ready for worker in pool._workers)
        pids = pool.pids
        pool.score(photos(3))
        assert pool.pids == pids
    with open_pool(Missing()) as pool, pytest.raises(ApsiError, match="the weights are missing"):
        pool.warm_up()


def test_each_pixel_is_copied_once_and_none_through_a_pipe(pool: SharedMemoryPool) -> None:
    before = (pool.traffic.slab_bytes, pool.traffic.pipe_bytes)
    batch = [np.full((64, 64, 3), 100, np.uint8)] * 8
    pool.score(batch)
    assert pool.traffic.slab_bytes - before[0] == 8 * 64 * 64 * 3
    assert pool.traffic.pipe_bytes - before[1] < 8 * 100


def test_a_batch_larger_than_all_before_gets_a_larger_slab(pool: SharedMemoryPool) -> None:
    batch = [np.full((300, 300, 3), value, np.uint8) for value in (51, 102)]
    np.testing.assert_allclose(pool.score(batch), [2, 4])
    assert len(segments()) == 1


def test_a_view_of_a_photo_is_scored_as_it_looks(pool: SharedMemoryPool) -> None:
    flipped = photos(1)[0][::-1, ::-1]
    assert pool.score([flipped]).tolist() == Fragile().score([flipped]).tolist()


def test_what_is_no_photo_is_refused(pool: SharedMemoryPool) -> None:
    with pytest.raises(ValueError, match=r"uint8"):
        pool.score([np.zeros((4, 4, 3))])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("failure", "message"), [(NAN, "gave nan for photo 2"), (RAISE, "this photo is refused")], ids=["nan", "error"]
)
def test_a_juror_that_fails_on_a_photo_is_an_error_and_the_pool_goes_on(
    pool: SharedMemoryPool, failure: int, message: str
) -> None:
    batch = [*photos(2), asking_for(failure)]
    with pytest.raises((ApsiError, ValueError), match=message):
        pool.score(batch)
    assert pool.score(batch[:2]).tolist() == Fragile().score(batch[:2]).tolist()


def test_a_killed_worker_is_replaced_and_its_photos_are_scored_again(pool: SharedMemoryPool) -> None:
    pool.score(photos(8))
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    batch = photos(9)
    assert pool.score(batch).tolist() == Fragile().score(batch).tolist()


def test_photos_of_a_worker_that_dies_at_work_are_scored_again(tmp_path: Path) -> None:
    juror = Fragile(tmp_path / "died")
    batch = [*photos(5), asking_for(ONCE), *photos(5, seed=1)]
    with open_pool(juror) as pool:
        scores = pool.score(batch)
        assert pool.traffic.deaths == 1
    assert scores.tolist() == juror.score(batch).tolist()


def test_a_photo_that_crashes_every_worker_is_named() -> None:
    with open_pool(Fragile()) as pool, pytest.raises(ApsiError, match=r"photo 3 of the batch.*3 workers died"):
        pool.score([*photos(3), asking_for(CRASH), *photos(2)])


def test_a_worker_that_hangs_is_killed_and_the_photo_named() -> None:
    with (
        open_pool(Fragile(), timeout=0.5) as pool,
        pytest.raises(ApsiError, match=r"photo 1 of the batch.*timeout=0.5"),
    ):
        pool.score([*photos(1), asking_for(HANG)])


def test_a_juror_that_cannot_be_loaded_says_why() -> None:
    with open_pool(Missing()) as pool, pytest.raises(ApsiError, match=r"the weights are missing"):
        pool.score(photos(1))


def test_workers_that_die_while_starting_are_an_error_after_some_tries() -> None:
    with open_pool(Unloadable(), workers=4) as pool, pytest.raises(ApsiError, match=r"exit code 7"):
        pool.score(photos(1))


def test_nothing_is_left_after_the_end_or_an_error() -> None:
    with open_pool(Fragile()) as pool:
        pool.score(photos(3))
        pids = pool.pids
        assert pids
        with pytest.raises(ApsiError):
            pool.score([asking_for(RAISE)])
        assert not any(psutil.pid_exists(pid) for pid in pids)
    pool.close()
    assert pool.pids == []
    with pytest.raises(ApsiError, match=r"closed"):
        pool.score(photos(1))


PARENT = """
    import sys, time
    import signal

    import numpy as np
    from tests.worker_pool.fragile import HANG, Fragile
    from apsi.worker_pool.shared_memory import SharedMemoryPool

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
        with SharedMemoryPool(
            Fragile(), workers=2, threads=1, chunk_size=4, timeout=60.0, start_timeout=60.0
        ) as pool:
            pool.score([np.full((8, 8, 3), 100, np.uint8)] * 8)
            print(*pool.pids, flush=True)
            pool.score([np.full((8, 8, 3), HANG, np.uint8)])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_and_no_segment_outlives_the_parent(number: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(textwrap.dedent(PARENT))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2 and list(SHM.glob(f"{_PREFIX}{process.pid}-*"))
    process.send_signal(number)
    process.communicate()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (
        any(map(psutil.pid_exists, pids)) or [*SHM.glob(f"{_PREFIX}{process.pid}-*")]
    ):
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, pids))
    assert not list(SHM.glob(f"{_PREFIX}{process.pid}-*"))


def test_a_slab_of_a_dead_process_is_swept_and_one_in_use_is_not(pool: SharedMemoryPool) -> None:
    pool.score(photos(1))
    left = SHM / f"{_PREFIX}{os.getpid()}-1-dead"  # this process, but started at another time: a number used again
    left.write_bytes(b"x")
    sweep()
    assert not left.exists()
    assert len(segments()) == 1


def test_more_photos_than_memory_is_an_error(pool: SharedMemoryPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(ApsiError, match=r"worker_pool=inline"):
        pool.score([np.full((999, 999, 3), 9, np.uint8)])
