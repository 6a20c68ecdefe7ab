"""A training that was broken off and goes on ends exactly like one that was not (on the CPU)."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from stable_baselines3.common.save_util import load_from_zip_file

from apsi.assemble import prepare
from apsi.config import load_config
from apsi.run_folder import RunFolder
from apsi.state import State, read_state
from apsi.tracking.none import NoTracker
from apsi.train.checkpoint import RUN, STATE, read_checkpoint
from apsi.train.loop import train_agent
from tests.fast import ALGORITHMS

HALF = 96
SMALL = ("debug=tiny", "device=cpu", "device.threads=1", "task=train", "resume=never", "seed=3")
TRAIN = (f"train.total_timesteps={2 * HALF}", f"train.eval_every={HALF}", f"train.keep_every={HALF}")


def config_of(data: Path, *overrides: str) -> DictConfig:
    return load_config([*SMALL, *TRAIN, f"data_dir={data}", *overrides])


def trained(config: DictConfig, path: Path) -> RunFolder:
    folder = RunFolder.create(path, config)
    train_agent(config, prepare(config), folder, NoTracker())
    return folder


def on_from(checkpoint: Path, config: DictConfig, path: Path) -> RunFolder:
    again = config.copy()
    again.resume = str(checkpoint)
    return trained(again, path)


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of networks and optimisers, by name."""
    _, parameters, variables = load_from_zip_file(path, load_data=False, device="cpu")
    return dict(flat({**parameters, "variables": variables}))


def flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{name}/{key}")]
    if isinstance(value, list | tuple):
        return [pair for i, inner in enumerate(value) for pair in flat(inner, f"{name}/{i}")]
    return [(name, value)]


def run_of(path: Path) -> State:
    with zipfile.ZipFile(path) as archive, archive.open(RUN) as member:
        return read_state(member)


def curve_of(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        rows = json.loads(archive.read(STATE))["history"]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def require_same(path: Path, expected: Path) -> None:
    """Holds two last checkpoints equal in all but the time they took: networks, optimisers, memory, random states."""
    assert curve_of(path) == curve_of(expected)
    ours, theirs = tensors_of(path), tensors_of(expected)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        same = torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value
        assert same, name
    run, expected_run = flat(run_of(path)), flat(run_of(expected))
    assert [name for name, _ in run] == [name for name, _ in expected_run]
    for (name, value), (_, wanted) in zip(run, expected_run, strict=True):
        assert np.array_equal(value, wanted), name
    assert read_checkpoint(path).state.best == read_checkpoint(expected).state.best
    assert read_checkpoint(path).state.counters == read_checkpoint(expected).state.counters


@pytest.mark.parametrize("algo", list(ALGORITHMS))
def test_every_algorithm_goes_on_as_if_it_had_never_stopped(algo: str, data_dir: Path, tmp_path: Path) -> None:
    config = config_of(data_dir, f"algo={algo}", *ALGORITHMS[algo])
    unbroken = trained(config, tmp_path / "unbroken")
    assert len(unbroken.step_checkpoints) >= 1
    middle = unbroken.step_checkpoints[0]
    start = read_checkpoint(middle).state.timesteps
    assert HALF <= start < read_checkpoint(unbroken.last_checkpoint).state.timesteps
    broken = on_from(middle, config, tmp_path / "broken")
    require_same(broken.last_checkpoint, unbroken.last_checkpoint)
    moved = [name for name, value in tensors_of(middle).items() if isinstance(value, torch.Tensor)]
    after = tensors_of(broken.last_checkpoint)
    assert any(not torch.equal(tensors_of(middle)[name], after[name]) for name in moved)
