"""Going on from an earlier run never lets photos that were trained on judge the agent."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig

from apsi.agent.checkpoint import (
    Checkpoint,
    TrainState,
    originals,
    read_checkpoint,
    read_run_state,
    require_unseen,
)
from apsi.config.build import prepare, require_something_to_do
from apsi.config.compose import load_config
from apsi.config.saved import resume_path
from apsi.env.optimise import Optimise
from apsi.env.restore import Restore
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.preprocess.steps import Prepared
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train import loop
from apsi.train.loop import Trained
from apsi.train.resume import changes, checkpoint_to_resume
from tests.fast import ALGORITHMS
from tests.train.test_exact_resume import config_of, run_of, trained

LOOKS = ("algo=a2c", "algo.n_steps=4", "train.total_timesteps=128", "train.eval_every=64", "train.keep_every=32")
LOOKS += ("env.stop=true",)


def checkpoint(trained_on: set[str]) -> Checkpoint:
    return Checkpoint(Path("best.zip"), load_config(), [], TrainState(trained_on=sorted(originals(trained_on))), None)


@pytest.fixture(scope="module")
def old(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[DictConfig, RunFolder]:
    """A short training, successful with .8 at 64 steps and .9 at 128; those checkpoints and that of 96 are kept."""
    config, path = config_of(data_dir, *LOOKS), tmp_path_factory.mktemp("old")
    judged(config, path, [0.8, 0.9])
    return config, RunFolder(path)


def judged(config: DictConfig, path: Path, figures: Sequence[float]) -> Trained:
    """Trains with these figures as the outcomes of its validations."""
    looks = iter(figures)

    def look(*_: object) -> tuple[dict[str, float], list[object]]:
        return dict.fromkeys(("success_rate", "mean_gain", "recovered"), next(looks)), []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "evaluate_quickly", look)
        return loop.train_agent(config, prepare(config), RunFolder.create(path, config), NoTracker())


def going_on(config: DictConfig, checkpoint: Path, *, to: int) -> DictConfig:
    again = config.copy()
    again.resume, again.train.total_timesteps = str(checkpoint), to
    return again


def test_a_checkpoint_that_was_validated_stays_the_best_agent_until_a_better_one_comes(
    old: tuple[DictConfig, RunFolder], tmp_path: Path
) -> None:
    config, folder = old
    again = going_on(config, folder.step_checkpoint(64), to=192)
    outcome = judged(again, tmp_path, [0.5, 0.6])
    best = read_checkpoint(outcome.checkpoint)
    assert (best.state.timesteps, outcome.state.best, outcome.best_row["val_success_rate"]) == (64, 0.8, 0.8)
    assert read_run_state(best) is None and [row["timesteps"] for row in outcome.state.history] == [64, 128, 192]
    further = judged(going_on(config, outcome.checkpoint.with_name("last.zip"), to=256), tmp_path / "further", [0.7])
    assert (read_checkpoint(further.checkpoint).state.timesteps, further.state.best) == (64, 0.8)


def test_of_an_agent_that_is_not_kept_no_figure_is_held_against_later_ones(
    old: tuple[DictConfig, RunFolder], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = old
    again = going_on(config, folder.step_checkpoint(96), to=256)
    again.train.patience = 2  # used up, were the look at 64 the best
    outcome = judged(again, tmp_path, [0.5, 0.6, 0.4])
    assert (read_checkpoint(outcome.checkpoint).state.timesteps, outcome.state.best) == (192, 0.6)
    assert outcome.best_row["val_success_rate"] == 0.6 and outcome.state.timesteps == 256
    assert "The best agent up to step 96 is not kept" in caplog.text


@pytest.mark.parametrize("env", ["optimise", "repair"])
def test_an_agent_with_another_task_than_before_is_held_against_no_figure_from_then(
    env: str, old: tuple[DictConfig, RunFolder], data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = old
    again = going_on(config, folder.last_checkpoint, to=192)
    again.env = config_of(data_dir, f"env={env}", "env.stop=true").env
    outcome = judged(again, tmp_path, [0.2, 0.3])
    assert [(row["timesteps"], row["val_mean_gain"]) for row in outcome.state.history] == [(128, 0.2), (192, 0.3)]
    assert (read_checkpoint(outcome.checkpoint).state.timesteps, outcome.state.best) == (192, 0.3)
    assert "begin anew: figures from before env" in caplog.text


def test_other_photos_give_no_figure_that_earlier_ones_can_be_held_against(
    old: tuple[DictConfig, RunFolder], tmp_path: Path
) -> None:
    config, folder = old
    again = going_on(config, folder.last_checkpoint, to=192)
    again.preprocess.steps.degrade.per_photo.val = 3
    outcome = judged(again, tmp_path, [0.3, 0.2])
    assert [row["timesteps"] for row in outcome.state.history] == [128, 192]
    assert (read_checkpoint(outcome.checkpoint).state.timesteps, outcome.state.best) == (128, 0.3)


@pytest.mark.parametrize(
    ("algo", "change", "remembered"),
    [
        ("dqn", "reward.step_penalty=0.5", 32),
        ("dqn", "train.n_envs=4", 32),
        ("dqn", "seed=7", 128),
        ("full_q", "env.max_steps=3", 32),
    ],
)
def test_what_is_remembered_of_other_rewards_tasks_or_environments_is_not_learned_from(
    algo: str, change: str, remembered: int, data_dir: Path, tmp_path: Path
) -> None:
    config = config_of(data_dir, f"algo={algo}", *ALGORITHMS[algo], *LOOKS[2:], "algo.buffer_size=1024")
    config.train.total_timesteps = 96
    again = going_on(config, trained(config, tmp_path / "old").last_checkpoint, to=128)
    again.merge_with_dotlist([change])
    state = run_of(trained(again, tmp_path / "on").last_checkpoint)
    if algo == "dqn":
        assert state["replay"]["dones"].size == remembered
    else:
        assert len(state["memory"]["observations"]) == remembered


def test_another_fitted_juror_is_a_change(old: tuple[DictConfig, RunFolder]) -> None:
    config, folder = old
    checkpoint, prepared = read_checkpoint(folder.last_checkpoint), prepare(config)
    assert changes(checkpoint, config, prepared) == []
    assert changes(replace(checkpoint, juror=b"another"), config, prepared) == ["the fitted juror"]


def test_a_split_with_photos_that_were_trained_on_is_refused(split: PreparedSplit) -> None:
    require_unseen(checkpoint({"other"}), split)
    with pytest.raises(ApsiError, match=r"1 of the 3 photos of the split 'train' are among those that best\.zip"):
        require_unseen(checkpoint({"hash1", "other"}), split)


def test_photos_to_test_with_that_were_trained_on_are_refused_before_training_goes_on(
    old: tuple[DictConfig, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = old
    again, load = config.copy(), Prepared.load
    again.resume = str(folder.path)
    seen = replace(load(prepare(config), "train"), name="test")
    monkeypatch.setattr(Prepared, "load", lambda self, name: seen if name == "test" else load(self, name))
    with pytest.raises(ApsiError, match="photos of the split 'test' are among those"):
        checkpoint_to_resume(again, prepare(config), RunFolder.create(tmp_path, again), NoTracker())


def test_photos_that_nobody_degraded_are_nothing_to_restore(split: PreparedSplit) -> None:
    require_something_to_do(split, Restore(3, [36, 36], stop=False, extras=[]))
    whole = replace(split, episodes=tuple(replace(e, start_score=e.target_score) for e in split.episodes))
    with pytest.raises(ApsiError, match="env=optimise"):
        require_something_to_do(whole, Restore(3, [36, 36], stop=False, extras=[]))
    require_something_to_do(whole, Optimise(3, [36, 36], stop=True, extras=[]))


def test_resume_names_a_file_or_a_folder_and_never_guesses(tmp_path: Path) -> None:
    (tmp_path / "last.zip").touch()
    assert resume_path(str(tmp_path / "last.zip"), NoTracker()) == tmp_path / "last.zip"
    assert resume_path(str(tmp_path), NoTracker()) == tmp_path / "checkpoints" / "last.zip"
    assert resume_path("missing.zip", NoTracker()) == Path("missing.zip")
    with pytest.raises(ApsiError, match="tracking=mlflow"):
        resume_path("0123456789abcdef", NoTracker())
