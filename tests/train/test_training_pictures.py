"""Pictures of training: one a milestone, a film at the end, and a training that goes on shows all of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from apsi.agent.checkpoint import Checkpoint, TrainState
from apsi.config.compose import load_config
from apsi.config.schema import TrainSettings
from apsi.env.core import EnvComponents
from apsi.evaluate.saver import ImageSaver
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import PolicyContext
from apsi.policy.greedy import Greedy
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.train.training_pictures import TrainingPictures


@pytest.fixture
def played(restore: EnvComponents, split: PreparedSplit) -> list[EpisodeResult]:
    policy = Greedy(PolicyContext(restore, None, np.random.default_rng(0)))
    return list(roll_out(policy, restore, split.episodes, batch_size=2, store=PhotoStore(), pictures=2))


def show(folder: Path, steps: list[int], played: list[EpisodeResult], checkpoint: Checkpoint | None = None) -> None:
    with ImageSaver() as saver:
        pictures = TrainingPictures.begin(folder, saver, checkpoint)
        for step in steps:
            pictures.save(step, played)
        pictures.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "images" / "training").glob("*"))


def length(folder: Path) -> int:
    return int(cv2.VideoCapture(str(folder / "images" / "training.mp4")).get(cv2.CAP_PROP_FRAME_COUNT))


def test_every_milestone_has_its_picture_and_the_film_all_of_them(tmp_path: Path, played: list[EpisodeResult]) -> None:
    show(tmp_path, [256, 10_000], played)
    assert names(tmp_path) == ["step_00000256.png", "step_00010000.png"]
    assert length(tmp_path) == 5 + 25


def test_training_that_goes_on_takes_over_what_was_shown_before_its_checkpoint(
    tmp_path: Path, played: list[EpisodeResult]
) -> None:
    show(tmp_path / "first", [100, 200, 300], played)
    last = tmp_path / "first" / "checkpoints" / "last.zip"
    checkpoint = Checkpoint(last, load_config(), [], TrainState(timesteps=250), None)
    show(tmp_path / "second", [400], played, checkpoint)
    assert names(tmp_path / "second") == ["step_00000100.png", "step_00000200.png", "step_00000400.png"]
    assert length(tmp_path / "second") == 5 + 5 + 25


def test_without_episodes_to_show_there_is_no_folder_and_no_film(tmp_path: Path) -> None:
    show(tmp_path, [100], [])
    assert list(tmp_path.iterdir()) == []


def test_pictures_can_be_switched_off() -> None:
    assert TrainSettings(images=0).images == 0
    assert load_config(["train.images=0"]).train.images == 0
