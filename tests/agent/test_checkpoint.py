"""Checkpoints: all that is needed, nothing that runs, whole or an error."""

import io
import json
import pickle
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.models
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.agent.ask import trained_agent
from apsi.agent.build import build_model
from apsi.agent.checkpoint import (
    CONFIG,
    Checkpoint,
    TrainState,
    load_into,
    read_checkpoint,
    read_run_state,
    save_checkpoint,
)
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.config.renamed import STATES
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.train.run_state import restore_run, run_state
from tests.conftest import context
from tests.fast import ALGORITHMS, EACH_ALGORITHM


@cache
def config_of(algo: str, *more: str) -> DictConfig:
    return load_config(["debug=tiny", "device=cpu", f"algo={algo}", *ALGORITHMS[algo], *more])


def model_of(config: DictConfig, parts: EnvComponents, split: PreparedSplit, seed: int = 0) -> BaseAlgorithm:
    if not config.transform._target_.endswith("DiscreteActions"):
        objective = instantiate(config.env)
        parts = replace(parts, actions=instantiate(config.transform, stop=objective.stop), objective=objective)
    source = instantiate(config.episodes, context=context(split, seed))
    return build_model(config, PhotoVecEnv(EditCore(parts, source, 4)), seed)[1]


def best_actions(config: DictConfig, model: BaseAlgorithm, observations: Any) -> Any:
    agent = trained_agent(instantiate(config.algo), model)
    actions, _ = agent.predict(observations, None, np.ones(50, dtype=bool))
    return [actions, agent.prefer(observations)] if agent.prefer else [actions]


@pytest.fixture(params=["ppo", "dqn"])
def saved(
    request: pytest.FixtureRequest, restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> tuple[Path, BaseAlgorithm, DictConfig]:
    config = config_of(request.param)
    model = model_of(config, restore, split)
    model.learn(64)
    state = TrainState(64, 0.5, 1.5, [{"timesteps": 64}])
    path = tmp_path / "last.zip"
    save_checkpoint(path, model, Checkpoint(path, config, restore.actions.labels, state, b"juror"))
    return path, model, config


@pytest.mark.parametrize("saved", EACH_ALGORITHM, indirect=True)
def test_a_checkpoint_gives_the_same_agent_and_optimiser_back_and_is_a_model_of_stable_baselines3_too(
    saved: tuple[Path, BaseAlgorithm, DictConfig], restore: EnvComponents, split: PreparedSplit
) -> None:
    path, model, config = saved
    checkpoint = read_checkpoint(path)
    assert checkpoint.config == config
    assert checkpoint.actions == restore.actions.labels
    assert checkpoint.juror == b"juror"
    assert (checkpoint.state.timesteps, checkpoint.state.best, checkpoint.state.history) == (
        64,
        0.5,
        [{"timesteps": 64}],
    )
    other = model_of(config, restore, split, seed=7)
    load_into(checkpoint, other)
    require_same_optimiser(other, model)
    observations = np.random.default_rng(0).integers(0, 256, (50, 3, 36, 36), dtype=np.uint8)
    expected, again = (best_actions(config, m, observations) for m in (model, other))
    assert all(np.array_equal(a, b) for a, b in zip(again, expected, strict=True))
    assert other.num_timesteps == model.num_timesteps == 64
    loaded = type(model).load(path, device="cpu")
    assert loaded._last_obs is None  # of episodes that nobody goes on with
    observations = np.zeros((1, 3, 36, 36), np.uint8)
    assert np.array_equal(*(m.predict(observations, deterministic=True)[0] for m in (loaded, model)))


def require_same_optimiser(model: BaseAlgorithm, expected: BaseAlgorithm) -> None:
    before, after = (m.get_parameters() for m in (expected, model))
    states = [(before[name]["state"], after[name]["state"]) for name in before if name.endswith("optimizer")]
    assert states
    for old, new in states:
        assert old.keys() == new.keys() and len(old) > 0
        assert all(torch.equal(old[k]["exp_avg"], new[k]["exp_avg"]) for k in old)


def test_a_checkpoint_from_before_its_components_moved_gives_the_same_agent_back(
    saved: tuple[Path, BaseAlgorithm, DictConfig], restore: EnvComponents, split: PreparedSplit
) -> None:
    path, model, config = saved
    earlier = config.copy()
    kind = config.algo.schedule._target_.rpartition(".")[2]
    earlier.algo.schedule._target_ = f"apsi.algo.schedule.{kind.lower()}.{kind}"
    save_checkpoint(path, model, Checkpoint(path, earlier, restore.actions.labels, TrainState(64), b"juror"))
    checkpoint = read_checkpoint(path)
    assert checkpoint.config == config != earlier
    other = model_of(checkpoint.config, restore, split, seed=7)
    load_into(checkpoint, other)
    observations = np.random.default_rng(0).integers(0, 256, (50, 3, 36, 36), dtype=np.uint8)
    expected, again = (best_actions(config, m, observations) for m in (model, other))
    assert all(np.array_equal(a, b) for a, b in zip(again, expected, strict=True))


def test_a_run_from_before_parts_of_its_state_were_renamed_is_read_with_the_new_names(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = config_of("afterstate")
    model = model_of(config, restore, split)
    model.learn(16)
    before = run_state(model, restore.juror)
    earlier = with_names(before, {new: old for old, new in STATES.items()})
    assert all(f"'{old}'" in str(earlier) for old in STATES)
    path = tmp_path / "last.zip"
    save_checkpoint(path, model, Checkpoint(path, config, [], TrainState(16), None), earlier)
    read = read_run_state(read_checkpoint(path))
    assert read is not None
    other = model_of(config, restore, split, seed=7)
    restore_run(read, other, restore.juror)
    np.testing.assert_equal(run_state(other, restore.juror), before)


def with_names(state: Any, names: dict[str, str]) -> Any:
    """With some keys named otherwise, wherever they are."""
    if isinstance(state, dict):
        return {names.get(key, key): with_names(value, names) for key, value in state.items()}
    return [with_names(value, names) for value in state] if isinstance(state, list) else state


@pytest.mark.parametrize("extras", [[], ["last_action", "score"]], ids=["photo", "extras"])
def test_dqns_replay_buffer_comes_back(
    extras: list[str], restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    restore = replace(restore, objective=replace(restore.objective, extras=extras))
    config = config_of("dqn")
    model = model_of(config, restore, split)
    model.learn(96)  # more than the 64 places: it has gone round
    path = tmp_path / "last.zip"
    save_checkpoint(path, model, Checkpoint(path, config, [], TrainState(96), None), run_state(model, restore.juror))
    other = model_of(config, restore, split, seed=7)
    run = read_run_state(read_checkpoint(path))
    assert run is not None
    restore_run(run, other, restore.juror, episodes=False)
    old, new = model.replay_buffer, other.replay_buffer  # type: ignore[attr-defined]
    assert (new.pos, new.full, new.size()) == (old.pos, old.full, old.size())
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_equal(getattr(new, name), getattr(old, name))


def test_reading_a_checkpoint_runs_nothing_that_is_in_it(
    saved: tuple[Path, BaseAlgorithm, DictConfig], restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    path, _, config = saved
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (mark,))

    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(evil, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "data":
                fields = json.loads(data)
                bad = torch.nn.Module  # any key: all are unpickled by who reads this member
                fields["policy_class"] = {":type:": str(bad), ":serialized:": pickle.dumps(Evil()).hex()}
                data = json.dumps(fields).encode()
            if name == "apsi/juror.npz":
                buffer = io.BytesIO()
                np.savez(buffer, mean=np.array([Evil()], dtype=object))
                data = buffer.getvalue()
            target.writestr(name, data)
        weights = io.BytesIO()
        torch.save(Evil(), weights)
        target.writestr("extra.pth", weights.getvalue())
    with pytest.raises(Exception, match=r"(?i)weights|pickle|unsupported"):
        load_into(read_checkpoint(evil), model_of(config, restore, split))
    assert not mark.exists()


def test_an_interrupted_save_leaves_the_old_checkpoint(
    saved: tuple[Path, BaseAlgorithm, DictConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model, config = saved
    before = path.read_bytes()
    monkeypatch.setattr(
        model, "save", lambda file, **_: file.write(b"half") and (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, model, Checkpoint(path, config, [], TrainState(), None))
    assert path.read_bytes() == before
    assert list(path.parent.glob(".*.tmp")) == []


@pytest.mark.parametrize("content", [b"", b"no zip", b"cut"])
def test_a_broken_file_is_an_error_that_names_it(
    saved: tuple[Path, BaseAlgorithm, DictConfig], tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(saved[0].read_bytes()[:5000] if content == b"cut" else content)
    with pytest.raises(ApsiError, match=r"broken\.zip is not a whole checkpoint"):
        read_checkpoint(broken)


def test_a_zip_of_something_else_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("hello", "world")
    with pytest.raises(ApsiError, match="not a checkpoint of apsi"):
        read_checkpoint(tmp_path / "other.zip")
    with pytest.raises(ApsiError, match="does not exist"):
        read_checkpoint(tmp_path / "none.zip")


def test_networks_that_do_not_fit_are_refused(restore: EnvComponents, split: PreparedSplit, tmp_path: Path) -> None:
    config = config_of("ppo").copy()
    model = model_of(config, restore, split)
    path = tmp_path / "last.zip"
    save_checkpoint(path, model, Checkpoint(path, config, [], TrainState(), None))
    config.feature_extractor.features_dim = 32
    with pytest.raises(ApsiError, match="does not fit this algorithm"):
        load_into(read_checkpoint(path), model_of(config, restore, split))


def test_what_was_fitted_of_the_second_juror_comes_back(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    path, model = tmp_path / "last.zip", model_of(config_of("ppo"), restore, split)
    save_checkpoint(path, model, Checkpoint(path, config_of("ppo"), [], TrainState(), b"juror", b"second"))
    assert (read_checkpoint(path).juror, read_checkpoint(path).second_juror) == (b"juror", b"second")


def test_a_checkpoint_of_an_earlier_version_has_its_data_dealt_by_its_one_seed(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = config_of("ppo", "seed=7")
    path, model = tmp_path / "new.zip", model_of(config, restore, split)
    save_checkpoint(path, model, Checkpoint(path, config, [], TrainState(), None))
    old = tmp_path / "old.zip"
    with zipfile.ZipFile(path) as new, zipfile.ZipFile(old, "w") as archive:
        for name in new.namelist():
            content = new.read(name)
            archive.writestr(name, content.replace(b"data_seed: 42\n", b"") if name == CONFIG else content)
    assert (read_checkpoint(path).config.seed, read_checkpoint(path).config.data_seed) == (7, 42)
    assert (read_checkpoint(old).config.seed, read_checkpoint(old).config.data_seed) == (7, 7)
    here = load_config([f"checkpoint={old}", "task=evaluate", "seed=8"])
    assert (here.seed, here.data_seed) == (8, 7)


def test_jurors_of_a_checkpoint_compute_on_the_device_of_the_run(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = load_config(["debug=tiny", "device=cuda", "algo.n_steps=8", "juror=nima", "juror@second_juror=nima"])
    assert config.juror.device.name == config.second_juror.device.name == "cuda"
    model = model_of(config_of("ppo"), restore, split)
    path = tmp_path / "last.zip"
    save_checkpoint(path, model, Checkpoint(path, config, restore.actions.labels, TrainState(0, 0, 0, []), None))
    here = load_config([f"checkpoint={path}", "device=cpu", "task=evaluate"])
    assert here.juror.device.name == here.second_juror.device.name == "cpu"
    choices = ["reward/bonus=fixed", "juror@second_juror=naturalness"]
    here = load_config([f"checkpoint={path}", "device=cpu", "task=evaluate", *choices])
    assert here.reward.bonus.value == 1
    assert "weights" not in here.feature_extractor
    assert here.second_juror._target_.endswith("Naturalness")
    assert here.juror.device.name == "cpu"
    assert here.juror.backbone == "mobilenet_v2"


def test_an_agent_is_used_without_the_file_of_weights_that_it_began_with(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    torchvision_file = tmp_path / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), torchvision_file)
    config = config_of("ppo", "feature_extractor=resnet18", f"feature_extractor.weights={torchvision_file}")
    model = model_of(config, restore, split)
    path = tmp_path / "last.zip"
    save_checkpoint(path, model, Checkpoint(path, config, restore.actions.labels, TrainState(), None))
    torchvision_file.unlink()
    here = load_config([f"checkpoint={path}", "device=cpu", "task=evaluate"])
    other = model_of(here, restore, split, seed=7)
    load_into(read_checkpoint(path), other)
    for name, values in model.policy.state_dict().items():
        assert torch.equal(other.policy.state_dict()[name], values), name
