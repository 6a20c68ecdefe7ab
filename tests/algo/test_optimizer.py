"""Optimizers and schedules: each parameter once, each group at its own rate, whatever Stable-Baselines3 does."""

from typing import Any

import gymnasium
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from apsi.algo.optimizer.adam import Adam, AdamW
from apsi.algo.optimizer.base import Optimizer, describe, gradient_norm
from apsi.algo.schedule.base import Schedule
from apsi.algo.schedule.fixed import Constant, Linear, Step, WarmupCosine
from apsi.algo.schedule.plateau import Plateau

OPTIMIZER = AdamW(1e-3, weight_decay=0.1, backbone_lr_scale=0.01, backbone_weight_decay=0.2, eps=1e-8)


class WithBackbone(BaseFeaturesExtractor):
    def __init__(self, observation_space: gymnasium.spaces.Box) -> None:
        super().__init__(observation_space, 8)
        self.backbone = nn.Linear(4, 8)
        self.more = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.more(self.backbone(x))  # type: ignore[no-any-return]


def model(kind: Any, optimizer: Optimizer = OPTIMIZER) -> Any:
    env = "Pendulum-v1" if kind is SAC else "CartPole-v1"
    extractor = WithBackbone if kind is not SAC else None
    kwargs = {"features_extractor_class": extractor} if extractor else {}
    more = {"n_steps": 16, "batch_size": 16} if kind is PPO else {"learning_starts": 4}
    made = kind("MlpPolicy", env, policy_kwargs=kwargs, learning_rate=lambda _: 1e-3, device="cpu", seed=0, **more)
    optimizer.attach(made)
    return made


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_every_parameter_is_in_one_group_and_the_backbone_has_its_own(kind: Any) -> None:
    made = model(kind)
    groups = {group["name"]: group for group in made.policy.optimizer.param_groups}
    network = made.policy if kind is PPO else made.policy.q_net
    backbone = {id(p) for p in network.features_extractor.backbone.parameters()}
    assert {id(p) for p in groups["backbone"]["params"]} == backbone
    every = [id(p) for group in groups.values() for p in group["params"]]
    assert len(every) == len(set(every)) and set(every) >= {id(p) for p in network.parameters()}
    rows = {row.group: row for row in describe(made)}
    assert (rows["backbone"].learning_rate, rows["backbone"].weight_decay) == (pytest.approx(1e-5), 0.2)
    assert (rows["head"].learning_rate, rows["head"].weight_decay) == (pytest.approx(1e-3), 0.1)


def test_an_actor_and_a_critic_have_one_optimizer_each() -> None:
    assert {(row.network, row.group) for row in describe(model(SAC))} == {
        ("Actor", "head"),
        ("ContinuousCritic", "head"),
    }


def test_groups_keep_their_share_of_the_rate_that_stable_baselines3_sets() -> None:
    """SB3 sets one learning rate on all groups before every update."""
    frozen = model(PPO, Adam(1e-3, weight_decay=0, backbone_lr_scale=1e-12, backbone_weight_decay=0, eps=1e-8))
    before = {name: p.clone() for name, p in frozen.policy.named_parameters()}
    frozen.learn(32)
    moved = {name: float((p - before[name]).detach().abs().max()) for name, p in frozen.policy.named_parameters()}
    assert moved["features_extractor.backbone.weight"] < 1e-8
    assert moved["features_extractor.more.weight"] > 1e-4
    assert {group["lr"] for group in frozen.policy.optimizer.param_groups} == {1e-3}


def test_a_group_learns_as_fast_as_its_share_says() -> None:
    """Adam's first step is as long as its learning rate."""
    made = model(PPO)
    weight = made.policy.features_extractor.backbone.weight
    decayed = weight.detach() * (1 - 1e-3 * 0.01 * 0.2)
    weight.grad = torch.ones_like(weight)
    made.policy.optimizer.step()
    torch.testing.assert_close(weight, decayed - 1e-5)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), {0: 1, 0.5: 1, 1: 1}),
        (Linear(0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (WarmupCosine(0.1, 0.3, 0.0), {0: 0.01, 0.05: 0.5, 0.2: 1, 0.65: 0.5, 1: 0}),
        (WarmupCosine(0.0, 0.0, 0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (Step([0.5, 0.75], 0.1), {0.49: 1, 0.5: 0.1, 0.9: 0.01}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_schedule_has_its_known_values(schedule: Schedule, expected: dict[float, float]) -> None:
    rate = schedule.of(2.0)
    assert {done: rate(1 - done) for done in expected} == pytest.approx({d: 2 * f for d, f in expected.items()})


def test_plateau_lowers_the_rate_when_validation_has_not_improved_for_long() -> None:
    schedule = Plateau(gamma=0.5, patience=1, final=0.3)
    rate = schedule.of(1.0)
    seen = []
    for success in (0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3):
        schedule.report(success)
        seen.append(rate(0.5))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]


@pytest.mark.parametrize("kind", [PPO, DQN, SAC])
def test_the_gradients_norm_is_told_as_it_was_before_clipping_once_a_look(kind: Any) -> None:
    made = model(kind)
    assert gradient_norm(made) is None
    made.max_grad_norm = 1e-3
    made.learn(40)
    norm = gradient_norm(made)
    assert norm is not None and norm > 1e-2
    assert gradient_norm(made) is None


def test_the_gradients_norm_is_that_of_one_backward_pass_and_of_what_is_free_to_learn() -> None:
    made = model(PPO)
    optimizer, layer = made.policy.optimizer, made.policy.features_extractor.more
    layer.bias.requires_grad_(False)
    for scale, free in ((3.0, False), (2.0, True)):
        layer.bias.requires_grad_(free)
        optimizer.zero_grad()
        (scale * (layer.weight.sum() + layer.bias.sum())).backward()
        torch.nn.utils.clip_grad_norm_(made.policy.parameters(), 1e-3)
        optimizer.step()
        n = layer.weight.numel() + free * layer.bias.numel()
        assert gradient_norm(made) == pytest.approx(scale * n**0.5)
