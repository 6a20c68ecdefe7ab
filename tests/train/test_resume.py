"""Going on from an earlier run never lets photos that were trained on judge the agent."""

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig

from apsi.agent.checkpoint import Checkpoint, TrainState, originals, require_unseen
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
from apsi.train.resume import checkpoint_to_resume
from tests.train.test_exact_resume import config_of, trained

LOOKS = ("algo=a2c", "algo.n_steps=4", "train.total_timesteps=128", "train.eval_every=64", "train.keep_every=32")


def checkpoint(trained_on: set[str]) -> Checkpoint:
    return Checkpoint(Path("best.zip"), load_config(), [], TrainState(trained_on=sorted(originals(trained_on))), None)


@pytest.fixture(scope="module")
def old(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[DictConfig, RunFolder]:
    """A short training with a look at 64 and at 128 steps, and a checkpoint kept at each of them and at 96."""
    config = config_of(data_dir, *LOOKS)
    return config, trained(config, tmp_path_factory.mktemp("old"))


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
