"""A new agent takes over what fits of an earlier one, and nothing that would mean something else."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.models
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.agent.checkpoint import Checkpoint, TrainState, read_checkpoint, save_checkpoint
from apsi.agent.take_over import ACTIONS, EXTRAS, FEATURES, TakenOver, differing_settings, take_over
from apsi.algo.optimizer.base import describe
from apsi.config.instantiate import instantiate
from apsi.env.core import EnvComponents
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.transform.action_set import DiscreteActions
from tests.agent.test_checkpoint import best_actions, config_of, model_of
from tests.conftest import LABELS
from tests.fast import EACH_ALGORITHM

OTHER_ACTIONS = {
    **dict.fromkeys(("sac", "td3", "recover"), "transform.adjustments=[gamma,contrast,exposure]"),
    "crop_ranker": "transform.bins=8",
}
"""Of those whose actions are made from their configuration"""


def stirred(model: BaseAlgorithm) -> BaseAlgorithm:
    """With weights as after some learning: none is any more what it was made with."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in model.policy.state_dict().items():
            if tensor.is_floating_point() and name != "boxes":
                tensor.add_(0.02 * torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype).abs())
    return model


def saved(path: Path, model: BaseAlgorithm, config: DictConfig, actions: list[str]) -> Checkpoint:
    save_checkpoint(path, model, Checkpoint(path, config, actions, TrainState(64), None))
    return read_checkpoint(path)


def begun(
    checkpoint: Checkpoint, config: DictConfig, parts: EnvComponents, split: PreparedSplit, actions: list[str]
) -> tuple[BaseAlgorithm, TakenOver]:
    """A new model with these weights, and what it took over."""
    model = model_of(config, parts, split, seed=7)
    return model, take_over(checkpoint, instantiate(config.algo), model, config, actions)


@pytest.mark.parametrize("algo", EACH_ALGORITHM)
def test_a_new_agent_of_the_same_kind_does_what_the_old_one_did_on_every_photo(
    algo: str, restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = config_of(algo)
    model = stirred(model_of(config, restore, split))
    checkpoint = saved(tmp_path / "best.zip", model, config, LABELS)
    other, taken = begun(checkpoint, config, restore, split, LABELS)
    assert taken.is_whole and taken.share == 1 and taken.unused == ()
    observations = np.random.default_rng(0).integers(0, 256, (50, 3, 36, 36), dtype=np.uint8)
    expected, again = (best_actions(config, m, observations) for m in (model, other))
    assert all(np.array_equal(a, b) for a, b in zip(again, expected, strict=True))
    assert other.num_timesteps == 0
    optimizers = [part for name, part in other.get_parameters().items() if name.endswith("optimizer")]
    assert optimizers and not any(part["state"] for part in optimizers)


@pytest.mark.parametrize("algo", EACH_ALGORITHM)
def test_with_another_number_of_actions_all_but_what_means_actions_is_taken_over(
    algo: str, restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = config_of(algo)
    checkpoint = saved(tmp_path / "best.zip", model_of(config, restore, split), config, LABELS)
    other = config_of(algo, *([OTHER_ACTIONS[algo]] if algo in OTHER_ACTIONS else []))
    parts = replace(restore, actions=DiscreteActions(LABELS[:3]))
    model, taken = begun(checkpoint, other, parts, split, LABELS[:3])
    kind = instantiate(config.algo)
    new = {name for names in taken.new.values() for name in names}
    assert new and all(kind.is_of_actions(name) for name in new), taken.new
    old = read_weights(tmp_path / "best.zip")
    kept = [name for name in model.policy.state_dict() if not kind.is_of_actions(name)]
    assert kept and all(torch.equal(model.policy.state_dict()[name], old[name]) for name in kept)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    with zipfile.ZipFile(path) as archive, archive.open("policy.pth") as member:
        weights: dict[str, torch.Tensor] = torch.load(member, weights_only=True)
        return weights


def test_as_many_actions_in_another_order_leave_the_head_new(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = config_of("ppo")
    checkpoint = saved(tmp_path / "best.zip", stirred(model_of(config, restore, split)), config, LABELS)
    model, taken = begun(checkpoint, config, restore, split, LABELS[::-1])
    assert taken.new == {ACTIONS: ("action_net.weight", "action_net.bias")}
    assert taken.tensors == taken.of_tensors - 2 and taken.share < 1
    fresh, old = model_of(config, restore, split, seed=7).policy.state_dict(), read_weights(checkpoint.path)
    assert torch.equal(model.policy.state_dict()["action_net.weight"], fresh["action_net.weight"])
    assert torch.equal(model.policy.state_dict()["value_net.weight"], old["value_net.weight"])


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_other_extras_leave_all_but_the_features_new(
    algo: str, restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config, other = config_of(algo), config_of(algo, "env.extras=[score]")
    checkpoint = saved(tmp_path / "best.zip", stirred(model_of(config, restore, split)), config, LABELS)
    parts = replace(restore, objective=replace(restore.objective, extras=["score"]))
    model, taken = begun(checkpoint, other, parts, split, LABELS)
    assert set(taken.new) == {EXTRAS} and taken.unused == ()
    assert not any("features_extractor" in name for names in taken.new.values() for name in names)
    old, place = read_weights(checkpoint.path), "" if algo == "ppo" else "q_net."
    photo = model.policy.state_dict()[f"{place}features_extractor.photo.cnn.0.weight"]
    assert torch.equal(photo, old[f"{place}features_extractor.cnn.0.weight"])


def test_what_stands_on_features_that_stay_new_stays_new_and_a_bias_goes_with_its_weights(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config, other = config_of("ppo"), config_of("ppo", "env.observation_size=[44,44]")
    checkpoint = saved(tmp_path / "best.zip", stirred(model_of(config, restore, split)), config, LABELS)
    parts = replace(restore, objective=replace(restore.objective, observation_size=[44, 44]))
    _, taken = begun(checkpoint, other, parts, split, LABELS)
    (shape, layer), (reason, head) = taken.new.items()
    assert shape.startswith("it has the shape") and reason == FEATURES
    assert layer == ("features_extractor.linear.0.weight", "features_extractor.linear.0.bias")
    assert {"action_net.weight", "value_net.weight"} <= set(head)
    assert differing_settings(checkpoint, other) == {"env.observation_size": ("[36, 36]", "[44, 44]")}


@pytest.mark.parametrize(
    ("chosen", "remedy"),
    [
        (("dqn",), r"Set what its run has: algo=ppo$"),
        (("ppo", "feature_extractor=small_cnn"), r"Set what its run has: feature_extractor=nature_cnn$"),
        (("crop_ranker",), r"Set what its run has: algo=ppo"),
    ],
)
def test_an_agent_that_sees_otherwise_is_an_error_that_says_what_to_set(
    chosen: tuple[str, ...], remedy: str, restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config = config_of("ppo")
    checkpoint = saved(tmp_path / "best.zip", model_of(config, restore, split), config, LABELS)
    other = config_of(*chosen, f"init_from={checkpoint.path}")
    with pytest.raises(ApsiError, match=rf"init_from={checkpoint.path}: nothing of its .* fits .* {remedy}"):
        begun(checkpoint, other, restore, split, LABELS)


def test_networks_that_are_more_than_tensors_are_refused(
    restore: EnvComponents, split: PreparedSplit, tmp_path: Path
) -> None:
    config, path = config_of("ppo"), tmp_path / "best.zip"
    checkpoint = saved(path, model_of(config, restore, split), config, LABELS)
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[: len(content) // 2] if name == "policy.pth" else content)
    with pytest.raises(ApsiError, match=r"the networks in .*bad\.zip are damaged"):
        begun(replace(checkpoint, path=bad), config, restore, split, LABELS)


@pytest.fixture
def frozen(restore: EnvComponents, split: PreparedSplit, tmp_path: Path) -> tuple[Checkpoint, Path]:
    """The checkpoint of a run with a frozen pretrained network, and the file that this came from."""
    weights = tmp_path / "network.pth"
    torch.manual_seed(3)
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), weights)
    config = config_of("ppo", *NETWORK, f"feature_extractor.weights={weights}")
    return saved(tmp_path / "best.zip", model_of(config, restore, split), config, LABELS), weights


NETWORK = ("feature_extractor=mobilenet_v2", "feature_extractor.batch_size=16", "feature_extractor.hidden=[16]")
NETWORK += ("feature_extractor.memory_format=contiguous", "algo.n_steps=4", "algo.n_epochs=1")


@pytest.mark.slow
def test_a_second_phase_lets_the_frozen_network_learn_at_a_rate_of_its_own(
    frozen: tuple[Checkpoint, Path], restore: EnvComponents, split: PreparedSplit
) -> None:
    checkpoint, weights = frozen
    weights.unlink()  # no longer needed
    scale = ["feature_extractor.freeze=none", "algo.optimizer.backbone_lr_scale=0.5"]
    config = config_of("ppo", *NETWORK, *scale, f"init_from={checkpoint.path}")
    assert config.feature_extractor.weights == "checkpoint"
    model, taken = begun(checkpoint, config, restore, split, LABELS)
    assert taken.is_whole
    old = read_weights(checkpoint.path)
    here = model.policy.state_dict()
    assert all(torch.equal(here[name], value) for name, value in old.items())
    backbone, head = describe(model)
    assert (backbone.group, backbone.trainable) == ("backbone", backbone.parameters)
    assert backbone.learning_rate == pytest.approx(head.learning_rate / 2)
    first = next(name for name in old if name.endswith("backbone.features.0.0.weight"))
    model.learn(16)
    assert not torch.equal(model.policy.state_dict()[first], old[first])


@pytest.mark.slow
def test_another_pretrained_network_is_refused_even_where_some_of_its_layers_fit(
    frozen: tuple[Checkpoint, Path], restore: EnvComponents, split: PreparedSplit
) -> None:
    checkpoint, _ = frozen
    config = config_of("ppo", "feature_extractor=efficientnet_b0", *NETWORK[1:], f"init_from={checkpoint.path}")
    with pytest.raises(ApsiError, match=r"feature_extractor=mobilenet_v2"):
        begun(checkpoint, config, restore, split, LABELS)
