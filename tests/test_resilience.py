"""What a machine can do to a run: killed at any moment, started twice at once, a clock that jumps, a disk that is full.

The outcome is that of an unbroken run, or one clear message and then, with the same command, that of an unbroken run.
"""

import csv
import json
import os
import random
import shutil
import signal
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from apsi.agent.checkpoint import STATE
from apsi.config.compose import load_config
from apsi.search.storage import open_storage, storage_url
from apsi.task.pipeline import pipeline
from apsi.tracking.run_folder import RunFolder, find_unfinished
from tests.command_line import Place, files_below, read_json, small_disk

pytestmark = pytest.mark.slow

STEPS = ("train.total_timesteps=768", "train.checkpoint_every=256", "train.eval_every=256")
SHORT = (*STEPS, "policy=[agent,nothing]", "evaluate.episodes=4", "evaluate.images=1", "train.images=0")
GRID = ("hydra/sweeper/sampler=grid", "algo.gamma=choice(0.5,0.9)")
SEARCH = ("--multirun", "hydra/sweeper=pruning", "task=train", "hydra.sweeper.study_name=s", *STEPS, *GRID)
MOMENTS = 30


def results(folder: Path) -> list[dict[str, str]]:
    """What each policy did to each episode; how long it took is no result."""
    with (folder / "results.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if "seconds" not in key} for row in csv.DictReader(file)]


def prepared(place: Place) -> dict[str, bytes]:
    """The prepared photos, without what is left of killed writes."""
    return files_below(place.data / "prepared")


def values(place: Place) -> dict[float, float]:
    """What the trials of a search reached, by what they tried."""
    optuna = pytest.importorskip("optuna")
    database = Path(storage_url(None, place.outputs).removeprefix("sqlite:///"))
    copy = Path(tempfile.mkdtemp()) / "study.db"  # so that nothing holds the file, and the disk that it is on
    shutil.copyfile(database, copy)
    study = optuna.load_study(study_name="s", storage=open_storage(f"sqlite:///{copy}"))
    done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert len(done) == 2
    return {trial.params["algo.gamma"]: trial.value for trial in done}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where a pipeline and a search ran undisturbed."""
    root = tmp_path_factory.mktemp("unbroken")
    place = Place(root, root / "data")
    place.run("task=preprocess").succeeded()  # what is imported and compiled once is no part of the time that counts
    shutil.rmtree(root / "data")
    began = time.monotonic()
    place.run(*SHORT).succeeded()
    (root / "seconds").write_text(str(time.monotonic() - began))
    began = time.monotonic()
    place.run(*SEARCH).succeeded()
    (root / "seconds of the search").write_text(str(time.monotonic() - began))
    return place


def kill_and_finish(
    kills: int, seconds: float, root: Path, command: tuple[str, ...], check: Callable[[Place], None]
) -> None:
    """Kills a command at random moments of its course, at most three times in a row, then lets it end and checks.

    Args:
        kills: how often in all.
        seconds: that it takes undisturbed.
        root: a new place is made below it after each end.
        command: the same each time.
        check: what holds after an end.
    """
    chance, done = random.Random(0), 0
    for i in range(3 * kills):
        (root / str(i)).mkdir()
        place = Place(root / str(i), root / str(i) / "data")
        for _ in range(3):
            end = time.monotonic() + chance.uniform(0, seconds)
            outcome = place.start(*command).send(signal.SIGKILL, once=lambda end=end: time.monotonic() > end)
            if outcome.code == 0:
                seconds *= 0.8  # the machine has less else to do than before
                break
            assert outcome.code == -signal.SIGKILL, outcome.err
            done += 1
        else:
            place.run(*command).succeeded()
        check(place)
        shutil.rmtree(place.root)
        if done >= kills:
            return
    pytest.fail(f"it ended before it could be killed {kills} times")


def test_a_pipeline_killed_at_random_moments_ends_like_an_unbroken_one(unbroken: Place, tmp_path: Path) -> None:
    def check(place: Place) -> None:
        assert results(place.folder("pipeline")) == results(unbroken.folder("pipeline"))
        assert prepared(place) == prepared(unbroken)

    kill_and_finish(2 * MOMENTS // 3, float((unbroken.root / "seconds").read_text()), tmp_path, SHORT, check)


def test_a_search_killed_at_random_moments_ends_like_an_unbroken_one(unbroken: Place, tmp_path: Path) -> None:
    def check(place: Place) -> None:
        assert values(place) == values(unbroken)

    seconds = float((unbroken.root / "seconds of the search").read_text())
    kill_and_finish(MOMENTS // 3, seconds, tmp_path, SEARCH, check)


@pytest.mark.parametrize("count", [2, 3])
def test_identical_commands_at_the_same_moment_all_end_like_one_alone(
    unbroken: Place, tmp_path: Path, count: int
) -> None:
    place = Place(tmp_path, tmp_path / "data")
    running = [place.start(*SHORT, "tracking=mlflow", warm=False) for _ in range(count)]
    for command in running:
        command.wait().succeeded()
    folders = [folder for folder in place.folders("pipeline") if not folder.is_symlink()]
    assert len(folders) == count
    assert all(results(folder) == results(unbroken.folder("pipeline")) for folder in folders)
    assert prepared(place) == prepared(unbroken)
    assert [read_json(folder / "run.json")["status"] for folder in folders] == ["finished"] * count


def test_identical_commands_that_all_find_a_killed_run_end_like_one_alone(unbroken: Place, tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    place.start(*SHORT).send(signal.SIGKILL, once=lambda: list(place.outputs.glob("pipeline/*/checkpoints/last.zip")))
    running = [place.start(*SHORT, warm=False) for _ in range(3)]
    for command in running:
        command.wait().succeeded()
    folders = [folder for folder in place.folders("pipeline") if (folder / "results.csv").exists()]
    assert all(results(folder) == results(unbroken.folder("pipeline")) for folder in folders)


def test_a_folder_in_which_a_run_is_at_work_is_refused(tmp_path: Path) -> None:
    place, folder = Place(tmp_path, tmp_path / "data"), tmp_path / "same"
    command = (*STEPS, "train.total_timesteps=200000", f"hydra.run.dir={folder}")
    first = place.start(*command, warm=False)
    second = place.start(*command, warm=False)
    try:
        deadline = time.monotonic() + 120
        while not (ended := [one for one in (first, second) if not one._is_alive()]):
            assert time.monotonic() < deadline, "neither run was refused"
            time.sleep(0.05)
        (refused,) = ended
        refused.wait().failed(str(folder), "another run")
    finally:
        for one in (first, second):
            one.send(signal.SIGKILL, once=lambda: True)


def backwards(real: Callable[[], float], scale: float) -> Callable[[], float]:
    """A clock that is set back by up to a day now and then."""
    chance, offset = random.Random(3), [0.0]

    def now() -> float:
        if chance.random() < 0.02:
            offset[0] -= chance.uniform(0, 86_400)
        return real() + offset[0] * scale

    return now


def test_a_clock_that_jumps_back_changes_no_result(
    unbroken: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = backwards(time.time, 1)
    monkeypatch.setattr(time, "time", slow)
    monkeypatch.setattr(time, "time_ns", lambda: int(slow() * 1e9))
    dirs = [f"data_dir={tmp_path / 'data'}", f"output_dir={tmp_path / 'outputs'}"]
    config = load_config(["debug=tiny", *SHORT, "tracking=mlflow", *dirs])
    pipeline(config, RunFolder.create(tmp_path / "run", config))
    assert results(tmp_path / "run") == results(unbroken.folder("pipeline"))


def test_a_run_killed_before_the_clock_was_set_back_is_continued(unbroken: Place, tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    later, earlier = (f"hydra.run.dir={place.outputs / 'pipeline' / name}" for name in ("2030-01-01", "2020-01-01"))
    place.start(*SHORT, later).send(
        signal.SIGKILL, once=(place.outputs / "pipeline/2030-01-01/checkpoints/last.zip").exists
    )
    said = place.run(*SHORT, earlier).succeeded().said
    assert "Continuing" in said
    assert results(place.outputs / "pipeline" / "2020-01-01") == results(unbroken.folder("pipeline"))


def test_a_run_at_work_is_not_taken_for_dead_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(["debug=tiny", "task=train"])
    alive = RunFolder.create(tmp_path / "1", config)
    alive.last_checkpoint.parent.mkdir()
    alive.last_checkpoint.touch()
    created, booted = psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: created(process) - 7200)
    monkeypatch.setattr(psutil, "boot_time", lambda: booted() - 7200)
    assert not alive.is_unfinished()
    assert find_unfinished(RunFolder.create(tmp_path / "2", config)) is None


def trained(checkpoint: Path) -> int:
    """Steps behind a checkpoint."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            return int(json.loads(archive.read(STATE))["timesteps"])
    except (FileNotFoundError, zipfile.BadZipFile):
        return 0


@pytest.mark.parametrize("phase", ["prepare", "train", "evaluate", "search"])
def test_a_disk_that_is_full_is_one_clear_message_and_later_an_unbroken_run(
    unbroken: Place, tmp_path: Path, phase: str
) -> None:
    with small_disk(tmp_path / "disk", "200m") as resize:
        disk = tmp_path / "disk"
        (disk / "place").mkdir()
        place = Place(disk / "place", disk / "data")
        command = SEARCH if phase == "search" else SHORT

        def has_come() -> bool:
            if phase == "prepare":
                return len(list(disk.glob("data/**/*.png"))) > 5
            steps = max(map(trained, place.outputs.rglob("last.zip")), default=0)
            return steps >= (768 if phase == "evaluate" else 256)

        running = place.start(*command)
        while running._is_alive() and not has_come():
            time.sleep(0.002)
        os.kill(running._pid, signal.SIGSTOP)
        resize(f"{shutil.disk_usage(disk).used // 1024}k")
        os.kill(running._pid, signal.SIGCONT)
        said = running.wait()
        assert said.code == 1 and said.err.count("disk is full") == 1, said.err
        assert "Traceback" not in said.out + said.err
        resize("200m")
        place.run(*command).succeeded()
        if phase == "search":
            assert values(place) == values(unbroken)
        else:
            assert results(place.folder("pipeline")) == results(unbroken.folder("pipeline"))
            assert prepared(place) == prepared(unbroken)
