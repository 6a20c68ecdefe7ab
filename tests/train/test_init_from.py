"""A run that begins with another run's weights is a run of its own: it counts, resumes and evaluates by itself."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from apsi.agent.checkpoint import Checkpoint, TrainState, originals, read_checkpoint
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.config.saved import agent_path
from apsi.errors import ApsiError
from apsi.juror.naturalness import Naturalness
from apsi.photo.prepared import PreparedSplit
from apsi.preprocess.steps import Prepared
from apsi.task.rehearse import rehearse_training
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import INTERRUPTED, RunFolder
from apsi.train.init_from import begins_anew, require_start_unseen
from tests.train.test_exact_resume import config_of, on_from, require_same, trained

SMALL = ("algo=a2c", "algo.n_steps=4")
LIKE_BEFORE = ("timesteps", "episodes", "seconds", "train_success_rate", "train_loss", "val_mean_reward")
"""Columns of a learning curve that say nothing of the agent"""


@pytest.fixture(scope="module")
def old(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(config_of(data_dir, *SMALL), tmp_path_factory.mktemp("old"))


def new_config(data_dir: Path, old: RunFolder, *more: str) -> DictConfig:
    return config_of(data_dir, *SMALL, f"init_from={old.path}", *more)


def test_the_first_look_of_a_new_run_shows_the_old_agent_and_what_it_got_is_recorded(
    old: RunFolder, data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    config = new_config(data_dir, old, "seed=9", "reward=score_difference", "train.total_timesteps=32")
    run = trained(config, tmp_path / "new")
    before, state = read_checkpoint(old.best_checkpoint).state, read_checkpoint(run.last_checkpoint).state
    first, last = state.history[0], before.history[-1]
    assert first["timesteps"] == 0 and state.timesteps == 32
    assert set(before.trained_on) <= set(state.trained_on)  # for good
    assert {k: v for k, v in first.items() if k not in LIKE_BEFORE} == {
        k: v for k, v in last.items() if k not in LIKE_BEFORE
    }
    assert "100.0 % of the parameters" in caplog.text and "seed=9 (was 6)" in caplog.text
    note = run.record()["init_from"]
    assert note["checkpoint"] == str(old.best_checkpoint) and note["timesteps"] == before.timesteps
    assert note["share"] == 1 and note["new"] == {} and note["tensors"] == note["of_tensors"]
    assert note["settings"]["seed"] == ["6", "9"] and "init_from" not in note["settings"]


def test_a_run_that_was_begun_so_goes_on_exactly_without_the_file_that_it_began_with(
    old: RunFolder, data_dir: Path, tmp_path: Path
) -> None:
    copied = RunFolder(tmp_path / "old")
    shutil.copytree(old.path, copied.path)
    config = new_config(data_dir, copied, "seed=3")
    unbroken = trained(config, tmp_path / "unbroken")
    shutil.rmtree(copied.path)
    middle = unbroken.step_checkpoints[0]
    broken = on_from(middle, config, tmp_path / "broken")
    require_same(broken.last_checkpoint, unbroken.last_checkpoint)
    named = load_config(["task=train", f"resume={middle}", "tracking=none", "device=cpu", f"data_dir={data_dir}"])
    assert named.init_from == str(copied.path)  # as a record
    rehearse_training(named, broken)
    with pytest.raises(ApsiError, match=r"does not exist"):
        rehearse_training(config, broken)


def test_the_same_command_after_an_interruption_needs_the_old_agent_no_more(
    old: RunFolder, data_dir: Path, tmp_path: Path
) -> None:
    config = new_config(data_dir, old, "resume=auto")
    first = RunFolder.create(tmp_path / "first", config)
    assert begins_anew(config, first)
    first.last_checkpoint.parent.mkdir()
    shutil.copy(old.last_checkpoint, first.last_checkpoint)
    first.finish(INTERRUPTED)
    again = RunFolder.create(tmp_path / "second", config)
    assert not begins_anew(config, again)
    never = new_config(data_dir, old, "resume=never")
    assert begins_anew(never, RunFolder.create(tmp_path / "third", never))


def test_photos_that_the_old_agent_was_trained_on_never_judge_the_new_one(
    old: RunFolder, data_dir: Path, tmp_path: Path
) -> None:
    start = read_checkpoint(old.best_checkpoint)
    prepared = prepare(new_config(data_dir, old))
    require_start_unseen(start, prepared)
    with pytest.raises(ApsiError, match=r"of the split '(val|test)' are among those that .*best\.zip was trained on"):
        trained(new_config(data_dir, old, "data_seed=1"), tmp_path / "other")


def test_a_test_split_is_looked_at_before_training(monkeypatch: pytest.MonkeyPatch, split: PreparedSplit) -> None:
    start = Checkpoint(Path("a.zip"), load_config(), [], TrainState(trained_on=sorted(originals({"hash1"}))), None)
    prepared = Prepared(Path("data"), NoTracker(), ())  # type: ignore[arg-type]  # whose juror nobody asks
    monkeypatch.setattr(Prepared, "load", lambda _, name: split if name == "test" else PreparedSplit.load(name, []))
    monkeypatch.setattr(PreparedSplit, "load", lambda name, _: PreparedSplit(name, (), "", 0, (), ""))
    with pytest.raises(ApsiError, match=r"1 of the 3 photos"):
        require_start_unseen(start, prepared)


def test_a_folder_stands_for_its_best_agent(old: RunFolder) -> None:
    assert agent_path(str(old.path), NoTracker()) == old.best_checkpoint
    assert agent_path(str(old.last_checkpoint), NoTracker()) == old.last_checkpoint
    with pytest.raises(ApsiError, match="tracking=mlflow"):
        agent_path("0123456789abcdef", NoTracker())


@pytest.mark.parametrize("algo", ["a2c", "dqn"])
def test_an_agent_does_not_go_on_learning_from_a_juror_with_a_reservation(
    algo: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained(config_of(data_dir, f"algo={algo}"), tmp_path / "first")
    monkeypatch.setattr(Naturalness, "reservation", "it knows too little")
    run = trained(config_of(data_dir, f"algo={algo}", f"init_from={first.path}", "seed=9"), tmp_path / "new")
    state = read_checkpoint(run.best_checkpoint).state
    assert state.timesteps == 0 and run.record()["not_trained"] == "it knows too little"
    weights = [
        torch.load(io.BytesIO(zipfile.ZipFile(one.best_checkpoint).read("policy.pth")), weights_only=True)
        for one in (first, run)
    ]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
