"""Fine-tuning a pretrained network in real, tiny trainings: what is recorded, what goes on exactly, when it ends."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from apsi.agent.checkpoint import read_checkpoint
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.config.schema import TrainSettings
from apsi.errors import ApsiError
from apsi.feature_extractor.backbones import ResNet18
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train import loop
from apsi.train.loop import train_agent
from apsi.train.run_state import random_state, restore_random
from tests.fast import ALGORITHMS
from tests.feature_extractor.small import Small
from tests.train.test_exact_resume import config_of, on_from, require_same, tensors_of, trained
from tests.train.test_loop import FIGURES

BACKBONE = "backbone.conv1.weight"
FROZEN = ("feature_extractor=resnet18", "feature_extractor.freeze=all", "feature_extractor.weights=checkpoint")
FROZEN += ("feature_extractor.batch_size=8", "feature_extractor.memory_format=contiguous")


class Recorder(NoTracker):
    """Remembers every figure."""

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {}

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.seen.setdefault(name, []).append(value)


@pytest.fixture
def _small_resnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResNet18, "_load", Small._load)
    monkeypatch.setattr(ResNet18, "architecture", Small.architecture)


def recorded(config: DictConfig, path: Path) -> dict[str, list[float]]:
    tracker = Recorder()
    train_agent(config, prepare(config), RunFolder.create(path, config), tracker)
    return tracker.seen


ALL_OF_IT = {
    "dqn": [
        *("algo=dqn", *ALGORITHMS["dqn"], "algo/optimizer=sgd", "algo.optimizer.nesterov=true"),
        *("algo.optimizer.gradient_accumulation=3", "algo/schedule=plateau", "algo.schedule.warmup_steps=64"),
        *("feature_extractor.amp=float16", "feature_extractor.unfreeze={layer4:32,layer3:128}"),
    ],
    "ppo": [
        *("algo=ppo", *ALGORITHMS["ppo"], "algo/optimizer=adamw", "algo.optimizer.gradient_accumulation=2"),
        *("algo/schedule=warmup_cosine", "algo.schedule.warmup_steps=64", "algo.schedule.final=0.5"),
        *("feature_extractor.dropout=0.2", "feature_extractor.unfreeze_after=64", "feature_extractor.norm=group"),
    ],
}


@pytest.mark.usefixtures("_small_resnet")
@pytest.mark.parametrize("algo", ["dqn", pytest.param("ppo", marks=pytest.mark.slow)])
def test_fine_tuning_goes_on_as_if_it_had_never_stopped(algo: str, data_dir: Path, tmp_path: Path) -> None:
    rates = ["algo.optimizer.lr_backbone=1e-3", "algo.optimizer.lr_head=1e-2", "device.deterministic=true"]
    config = config_of(data_dir, *FROZEN, *ALL_OF_IT[algo], *rates)
    try:
        unbroken = trained(config, tmp_path / "unbroken")
        middle = unbroken.step_checkpoints[0]
        broken = on_from(middle, config, tmp_path / "broken")
    finally:
        torch.use_deterministic_algorithms(False)
    require_same(broken.last_checkpoint, unbroken.last_checkpoint)
    before, after = tensors_of(middle), tensors_of(broken.last_checkpoint)
    name = next(name for name in after if name.endswith("backbone.layer4.0.weight"))
    assert not torch.equal(after[name], before[name])
    waits = any("/pending/" in name for name in before)
    assert waits == (algo == "dqn"), "gradients wait for their step in the checkpoint"


@pytest.mark.usefixtures("_small_resnet")
def test_rates_of_each_group_the_norm_of_gradients_and_memory_are_recorded(data_dir: Path, tmp_path: Path) -> None:
    given = ["algo.optimizer.lr_backbone=1e-5", "algo.optimizer.lr_head=1e-4", "algo/schedule=constant"]
    free = ["feature_extractor.freeze=partial", "feature_extractor.amp=float16", "algo.max_grad_norm=1e-4"]
    small = ["algo=ppo", *ALGORITHMS["ppo"]]
    seen = recorded(config_of(data_dir, *FROZEN, *free, *given, *small), tmp_path / "run")
    assert seen["train/learning_rate_backbone"] == pytest.approx([1e-5] * len(seen["train/grad_norm"]))
    for name in ("train/learning_rate_head", "train/learning_rate"):
        assert seen[name] == pytest.approx([1e-4] * len(seen[name])) and seen[name]
    assert max(seen["train/grad_norm"]) > 1e-3, "before clipping"
    assert set(seen["train/loss_scale"]) <= {2.0**n for n in range(17)}
    assert all(megabytes > 50 for megabytes in seen["memory/process_megabytes"])
    assert "memory/gpu_peak_megabytes" not in seen or torch.cuda.is_available()


@pytest.mark.usefixtures("_small_resnet")
def test_a_second_run_lets_the_network_learn_faster_and_to_resume_with_that_is_refused_with_the_way(
    data_dir: Path, tmp_path: Path
) -> None:
    small = ["algo=ppo", "algo.n_steps=4", "algo.n_epochs=1", "algo/schedule=constant"]
    first = trained(config_of(data_dir, *FROZEN, *small, "train.total_timesteps=32"), tmp_path / "first")
    faster = ["algo.optimizer.lr_backbone=1e-2", "algo/optimizer=sgd", "feature_extractor.freeze=none"]
    more = [*FROZEN, *faster, f"init_from={first.path}", "train.total_timesteps=64"]
    seen = recorded(config_of(data_dir, *more, *small), tmp_path / "second")
    assert max(seen["train/learning_rate_backbone"]) == pytest.approx(1e-2)
    old, new = tensors_of(first.best_checkpoint), tensors_of(RunFolder(tmp_path / "second").last_checkpoint)
    name = next(name for name in old if name.endswith(BACKBONE))
    assert not torch.equal(new[name], old[name])
    resumed = [f"resume={first.last_checkpoint}", "algo.optimizer.lr_backbone=1e-2"]
    with pytest.raises(ApsiError, match=r"decides on algo; leave it out, or begin a new run .*init_from=.*last\.zip"):
        load_config(["task=train", *resumed])


def early(data_dir: Path, *more: str) -> DictConfig:
    often = ["train.eval_every=32", "train.total_timesteps=320", "train.images=0", "train.keep_every=null"]
    return config_of(data_dir, "algo=a2c", "algo.n_steps=4", *often, *more)


def figures_of(values: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter(values)

    def figures(*_: Any) -> tuple[dict[str, float], list[Any]]:
        return {**FIGURES, "success_rate": next(left)}, []

    monkeypatch.setattr(loop, "evaluate_quickly", figures)


def test_training_ends_when_validations_find_nothing_better_for_long_and_goes_on_when_told_to(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    figures_of([0.1, 0.3, 0.3, 0.2, 0.9], monkeypatch)
    config = early(data_dir, "train.patience=2")
    run = trained(config, tmp_path / "run")
    state = read_checkpoint(run.last_checkpoint).state
    assert (state.timesteps, state.best, len(state.history)) == (128, 0.3, 4)
    assert run.record()["ended_early"] == "the latest 2 validations have found nothing better"
    assert "Training ends early" in caplog.text

    still = on_from(run.last_checkpoint, config, tmp_path / "still")
    assert read_checkpoint(still.last_checkpoint).state.timesteps == 128
    longer = config.copy()
    longer.train.patience, longer.train.total_timesteps = 3, 160
    on = read_checkpoint(on_from(run.last_checkpoint, longer, tmp_path / "on").last_checkpoint).state
    assert (on.timesteps, on.best) == (160, 0.9)


def test_a_training_that_gets_better_now_and_then_is_not_ended(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_of([0.3, 0.2, 0.4, 0.1, 0.5, 0.1], monkeypatch)
    run = trained(early(data_dir, "train.patience=2", "train.total_timesteps=192"), tmp_path / "run")
    assert read_checkpoint(run.last_checkpoint).state.timesteps == 192
    assert "ended_early" not in run.record()


def test_a_patience_of_nothing_is_refused() -> None:
    with pytest.raises(ApsiError, match=r"train\.patience=0 must be at least 1"):
        TrainSettings(patience=0)


def test_random_numbers_of_gpus_are_part_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[torch.Tensor] = []
    states = [torch.arange(4, dtype=torch.uint8), torch.arange(2, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", given.extend)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    state = random_state()
    restore_random(state)
    assert [one.tolist() for one in given] == [[0, 1, 2, 3], [0, 1]]
    given.clear()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # on another machine
    restore_random(state)
    restore_random({name: value for name, value in state.items() if name != "cuda"})
    assert given == [] and all(isinstance(one, np.ndarray) for one in state["cuda"])
