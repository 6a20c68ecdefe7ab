"""A run that is killed or interrupted loses little: the same command resumes from there."""

import json
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from apsi.agent.checkpoint import STATE
from apsi.config.compose import load_config
from apsi.console import console
from apsi.tracking.run_folder import RunFolder, find_unfinished
from tests.command_line import Outcome, Place, files_below, read_json

TRAIN = ("task=train", "train.checkpoint_every=256")
LONG = "train.total_timesteps=200000"
SHORT = "train.total_timesteps=768"
MANY_PHOTOS = ("task=preprocess", "dataset.enlarge={train: 10, val: 4, test: 4}")
CUTTING = "steps/.enlarge-*.partial/images/*.png"
DEGRADING = "prepared/.*.partial/train/images/*.png"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared photos."""
    root = tmp_path_factory.mktemp("prepared")
    Place(root, root / "data").run("task=preprocess").succeeded()
    return root / "data"


@pytest.fixture
def place(tmp_path: Path, data: Path) -> Place:
    return Place(tmp_path, data)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Place:
    """Where one training of 256 steps has finished."""
    place = Place(tmp_path_factory.mktemp("finished"), data)
    place.run(*TRAIN, "train.total_timesteps=256").succeeded()
    return place


def half_done(place: Place, files: str) -> Callable[[], bool]:
    """Whether some of these files of a step are written."""
    return lambda: len(list(place.data.glob(files))) > 5


def state(folder: Path) -> dict[str, object]:
    """Where a run's training stands, by its last checkpoint."""
    with zipfile.ZipFile(folder / "checkpoints" / "last.zip") as archive:
        content: dict[str, object] = json.loads(archive.read(STATE))
    return content


def saved(place: Place, steps: int, task: str = "train") -> Callable[[], bool]:
    """Whether the latest run has a checkpoint with so many steps behind it."""

    def enough() -> bool:
        try:
            return int(str(state(place.folder(task))["timesteps"])) >= steps
        except (FileNotFoundError, IndexError):
            return False

    return enough


def log(folder: Path) -> str:
    return (folder / "run.log").read_text()


def status(folder: Path) -> str:
    return str(read_json(folder / "run.json")["status"])


def require_interrupted(outcome: Outcome, folder: Path, number: signal.Signals = signal.SIGINT) -> None:
    """Holds what is true after Ctrl-C or SIGTERM."""
    assert outcome.code == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert "Traceback" not in outcome.out + outcome.err
    message = outcome.err.rstrip("\n").rpartition("\n")[2]
    assert message.startswith("Interrupted. Progress is saved; the same command resumes from there")
    assert status(folder) == "interrupted"


@pytest.mark.slow
def test_preparing_that_was_killed_ends_in_the_same_files_as_preparing_in_one_go(tmp_path: Path) -> None:
    unbroken, killed = Place(tmp_path, tmp_path / "unbroken"), Place(tmp_path, tmp_path / "killed")
    unbroken.run(*MANY_PHOTOS).succeeded()
    for files in (CUTTING, DEGRADING):
        outcome = killed.start(*MANY_PHOTOS).send(signal.SIGKILL, once=half_done(killed, files))
        assert outcome.code == -signal.SIGKILL
        assert half_done(killed, files)()
        assert not list(killed.data.glob("prepared/sample-*"))
    killed.run(*MANY_PHOTOS).succeeded()
    assert files_below(killed.data) == files_below(unbroken.data)


@pytest.mark.slow
def test_preparing_that_was_interrupted_says_so_and_goes_on(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    outcome = place.start(*MANY_PHOTOS).send(signal.SIGINT, once=half_done(place, CUTTING))
    require_interrupted(outcome, place.folder("preprocess"))
    place.run(*MANY_PHOTOS).succeeded()


@pytest.mark.slow
def test_training_that_was_killed_continues_from_its_last_checkpoint_to_its_full_length(place: Place) -> None:
    command = (*TRAIN, "train.total_timesteps=1536")
    outcome = place.start(*command).send(signal.SIGKILL, once=saved(place, 512))
    assert outcome.code == -signal.SIGKILL
    killed = place.folder("train")
    done = state(killed)["timesteps"]
    outcome = place.run(*command).succeeded()
    continued = place.folder("train")
    assert f"Continuing {killed / 'checkpoints' / 'last.zip'} at step {done:,}" in log(continued)
    assert "Continuing" in outcome.said and "resume=never starts from scratch" in outcome.said
    assert state(continued)["timesteps"] == 1536
    assert status(continued) == "finished"
    assert status(killed) == "continued"
    assert read_json(killed / "run.json")["continued_in"] == str(continued)


@pytest.mark.slow
def test_training_that_was_killed_starts_afresh_with_resume_never(place: Place) -> None:
    place.start(*TRAIN, LONG).send(signal.SIGKILL, once=saved(place, 256))
    killed = place.folder("train")
    again = place.start(*TRAIN, LONG, "resume=never")
    again.send(signal.SIGTERM, once=lambda: place.folder("train") != killed and saved(place, 256)())
    fresh = place.folder("train")
    assert status(killed) == "running"  # nobody was left to say otherwise, and nobody took it up
    assert "Continuing" not in log(fresh)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_training_that_was_interrupted_saves_what_was_learned_and_continues(
    place: Place, number: signal.Signals
) -> None:
    outcome = place.start(*TRAIN, LONG).send(number, once=saved(place, 256))
    first = place.folder("train")
    require_interrupted(outcome, first, number)
    done = int(str(state(first)["timesteps"]))
    assert f"Saved {done:,} steps in {first / 'checkpoints' / 'last.zip'}" in log(first) or done % 256 == 0
    outcome = place.start(*TRAIN, LONG).send(number, once=saved(place, done + 1))
    second = place.folder("train")
    require_interrupted(outcome, second, number)
    assert f"at step {done:,}" in log(second)
    assert (second / "checkpoints" / "best.zip").exists() == (first / "checkpoints" / "best.zip").exists()


@pytest.mark.slow
def test_the_learning_curve_of_a_continued_training_is_whole(place: Place) -> None:
    command = (*TRAIN, "train.total_timesteps=1024", "train.eval_every=256")
    place.start(*command).send(signal.SIGTERM, once=saved(place, 512))
    place.run(*command).succeeded()
    assert len(place.folders("train")) == 2
    whole = state(place.folder("train"))
    history = whole["history"]
    assert isinstance(history, list)
    steps, seconds = [row["timesteps"] for row in history], [row["seconds"] for row in history]
    assert steps[:2] == [256, 512] and steps[-1] == whole["timesteps"] >= 1024
    assert steps == sorted(set(steps)) and seconds == sorted(seconds)


def test_a_run_that_finished_is_not_continued(finished: Place) -> None:
    finished.run(*TRAIN, "train.total_timesteps=256").succeeded()
    assert "Continuing" not in log(finished.folder("train"))
    assert [status(folder) for folder in finished.folders("train")] == ["finished", "finished"]


def test_only_a_dead_run_of_the_same_configuration_is_continued(tmp_path: Path) -> None:
    config = load_config(["debug=tiny", "task=train"])
    earlier = RunFolder.create(tmp_path / "1", config)
    earlier.last_checkpoint.parent.mkdir()
    earlier.last_checkpoint.touch()
    assert find_unfinished(RunFolder.create(tmp_path / "2", config)) is None  # this process is still alive
    gone = psutil.Popen(["true"])
    record = earlier.record() | {"process": [gone.pid, gone.create_time()]}
    gone.wait()
    (earlier.path / "run.json").write_text(json.dumps(record))
    assert find_unfinished(RunFolder.create(tmp_path / "3", config)) == earlier
    assert (
        find_unfinished(RunFolder.create(tmp_path / "4", load_config(["debug=tiny", "task=train", "seed=1"]))) is None
    )


def test_even_a_quiet_run_says_that_it_does_not_continue_one_of_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config = load_config(["debug=tiny", "task=train"])
    earlier = RunFolder.create(tmp_path / "1", config)
    earlier.note(host="runner-17")
    monkeypatch.setattr(console, "quiet", True)
    assert find_unfinished(RunFolder.create(tmp_path / "2", config)) is None
    said = capfd.readouterr()
    assert f"begins anew: {earlier.path} may still run on runner-17; if not, continue it with resume=" in said.err
    assert not said.out


@pytest.mark.parametrize("named", ["folder", "file"])
def test_resume_trains_a_finished_run_on_to_more_steps(place: Place, finished: Place, named: str) -> None:
    first = finished.folder("train")
    last = first / "checkpoints" / "last.zip"
    source = first if named == "folder" else last
    place.run("task=train", f"resume={source}", "train.total_timesteps=512", tiny=False).succeeded()
    second = place.folder("train")
    assert f"Continuing {last} at step 256" in log(second)
    assert state(second)["timesteps"] == 512
    assert state(first)["timesteps"] == 256
    assert status(first) == "finished"


def test_a_pipeline_that_was_killed_in_training_ends_with_its_report(place: Place) -> None:
    command = ("train.checkpoint_every=256", "train.total_timesteps=1024", "evaluate.episodes=2")
    place.start(*command).send(signal.SIGKILL, once=saved(place, 256, "pipeline"))
    place.run(*command).succeeded()
    killed, continued = place.folders("pipeline")
    assert f"Continuing {killed}" in log(continued)
    assert (continued / "report.html").is_file()
    assert read_json(continued / "summary.json")["seconds"]["train"] == round(
        float(str(state(continued)["seconds"])), 2
    )
