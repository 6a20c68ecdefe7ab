"""Ray Data prepares what the threads prepare, whatever happens to its workers, and leaves nothing behind."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from apsi.errors import ApsiError
from apsi.preprocess.engine.local import Local
from apsi.preprocess.engine.ray import RayData
from apsi.preprocess.steps import Prepared
from apsi.ray_connection import connect
from tests.command_line import Place, files_below
from tests.preprocess.engine.test_engines import ray_data, slow_at_first
from tests.preprocess.test_steps import finished
from tests.test_interrupt import CUTTING, DEGRADING, MANY_PHOTOS, half_done, require_interrupted

pytest.importorskip("ray")

RAY = ("preprocess/engine=ray", "preprocess.engine.chunk_size=2")


@pytest.fixture
def messy(tmp_path: Path, photos: Path) -> Path:
    """The twenty photos, a copy of one, and two files that are none."""
    folder = tmp_path / photos.name
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "copy.png").write_bytes((photos / "00.png").read_bytes() + b"and more")
    (folder / "text.jpg").write_text("not a photo")
    (folder / "cut.png").write_bytes((photos / "00.png").read_bytes()[:900])
    return folder


@pytest.fixture
def expected(tmp_path: Path, messy: Path, prepare: Callable[..., Prepared]) -> dict[str, bytes]:
    prepare(messy, tmp_path / "local", versions=2, engine=Local(None))
    return finished(tmp_path / "local")


@pytest.mark.slow
def test_ray_prepares_the_same_files_byte_for_byte_and_ends(
    tmp_path: Path, messy: Path, expected: dict[str, bytes], prepare: Callable[..., Prepared]
) -> None:
    prepared = prepare(messy, tmp_path / "ray", versions=2, engine=ray_data())
    assert finished(tmp_path / "ray") == expected
    assert {entry.name for entry in prepared.skipped} == {"text.jpg", "cut.png"}
    assert [(copy.file, copy.copy_of, copy.reason) for copy in prepared.copies] == [
        ("copy.png", "00.png", "same pixels")
    ]
    assert not any("raylet" in child.name() for child in psutil.Process().children(recursive=True))


def kill_workers(stop: threading.Event, killed: list[int]) -> None:
    """Kills two Ray workers at work, one after the other."""
    while not stop.wait(0.5) and len(killed) < 2:
        for child in psutil.Process().children(recursive=True):
            try:
                if child.name().startswith("ray::") and "Map" in child.name():
                    child.kill()
                    killed.append(child.pid)
                    break
            except psutil.Error:
                continue


def slow_double(number: int) -> int:
    time.sleep(0.1)
    return 2 * number


@pytest.mark.slow
def test_photos_of_a_ray_worker_that_is_killed_are_done_again() -> None:
    stop, killed = threading.Event(), list[int]()
    thread = threading.Thread(target=kill_workers, args=(stop, killed))
    with ray_data() as engine:
        engine.map(slow_at_first, range(8), "Warming up")
        thread.start()
        try:
            assert engine.map(slow_double, range(80), "Doubles") == [2 * n for n in range(80)]
        finally:
            stop.set()
            thread.join()
    assert killed


def die_at_5(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.slow
def test_photos_that_kill_every_ray_worker_are_an_error() -> None:
    with (
        ray_data() as engine,
        pytest.raises(ApsiError, match="3 Ray workers died over the same 4 photos"),
    ):
        engine.map(die_at_5, range(12), "Numbers")


def test_a_cluster_that_is_not_there_is_an_error_of_the_engine() -> None:
    with pytest.raises(ApsiError, match=r"preprocess.engine.address=127.0.0.1:1.*can't be reached"):
        ray_data("127.0.0.1:1").map(slow_double, [1], "Doubles")


@pytest.mark.slow
def test_one_run_can_not_use_two_rays() -> None:
    with ray_data() as engine:
        assert engine.map(slow_double, [1], "Doubles") == [2]
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            with pytest.raises(ApsiError, match=r"this run uses a Ray of its own already.*the same value"):
                connect("worker_pool", address)


def test_ray_is_not_started_where_all_is_prepared(whole: Any, photos: Path, prepare: Callable[..., Prepared]) -> None:
    engine = RayData(address="127.0.0.1:1", workers=None, chunk_size=4, memory_mb=100)
    again = prepare(photos, whole.folder.parent.parent, versions=2, engine=engine)
    assert again.folder == whole.folder


@pytest.mark.slow
def test_a_run_with_ray_that_was_interrupted_and_killed_ends_as_one_with_threads(tmp_path: Path) -> None:
    unbroken, broken = Place(tmp_path, tmp_path / "unbroken"), Place(tmp_path, tmp_path / "broken")
    unbroken.run(*MANY_PHOTOS, warm=False).succeeded()
    command = (*MANY_PHOTOS, *RAY)
    outcome = broken.start(*command, warm=False).send(signal.SIGINT, once=half_done(broken, CUTTING))
    require_interrupted(outcome, broken.folder("preprocess"))
    outcome = broken.start(*command, warm=False).send(signal.SIGKILL, once=half_done(broken, DEGRADING))
    assert outcome.code == -signal.SIGKILL
    assert not list(broken.data.glob("prepared/sample-*"))
    broken.run(*command, warm=False).succeeded()
    assert files_below(broken.data) == files_below(unbroken.data)


@pytest.mark.slow
def test_actors_that_score_on_every_core_leave_room_for_preparing(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    place.run("task=preprocess", *RAY, "worker_pool=ray", warm=False).succeeded()
    plain = Place(tmp_path, tmp_path / "plain")
    plain.run("task=preprocess", warm=False).succeeded()
    assert files_below(place.data) == files_below(plain.data)
