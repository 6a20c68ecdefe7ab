"""Optimizers and schedules: each parameter once, each group at its own rate, whatever Stable-Baselines3 does."""

import math
from typing import Any

import gymnasium
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from apsi.algo.optimizer.adam import Adam, AdamW
from apsi.algo.optimizer.base import Optimizer, describe, gradient_norm
from apsi.algo.optimizer.sgd import Sgd
from apsi.algo.schedule.base import Schedule
from apsi.algo.schedule.fixed import Constant, Linear, Step, WarmupCosine
from apsi.algo.schedule.plateau import Plateau
from apsi.errors import ApsiError

OPTIMIZER = AdamW(1e-3, weight_decay=0.1, backbone_lr_scale=0.01, backbone_weight_decay=0.2, eps=1e-8)


class WithBackbone(BaseFeaturesExtractor):
    def __init__(self, observation_space: gymnasium.spaces.Box) -> None:
        super().__init__(observation_space, 8)
        self.backbone = nn.Linear(4, 8)
        self.more = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.more(self.backbone(x))  # type: ignore[no-any-return]


def model(kind: Any, optimizer: Optimizer = OPTIMIZER, **arguments: Any) -> Any:
    env = "Pendulum-v1" if kind is SAC else "CartPole-v1"
    extractor = WithBackbone if kind is not SAC else None
    kwargs = {"features_extractor_class": extractor} if extractor else {}
    more = {"n_steps": 16, "batch_size": 16} if kind is PPO else {"learning_starts": 4}
    more |= arguments
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


def test_a_rate_of_the_backbone_is_given_as_a_rate_or_as_a_factor_but_not_as_both() -> None:
    def rates(**given: Any) -> dict[str, float]:
        optimizer = Adam(1e-3, weight_decay=0, backbone_weight_decay=0, eps=1e-8, **given)
        return {row.group: row.learning_rate for row in describe(model(PPO, optimizer))}

    for given, backbone, head in (
        ({"backbone_lr_scale": None}, 1e-4, 1e-3),
        ({"backbone_lr_scale": None, "lr_backbone": 3e-5}, 3e-5, 1e-3),
        ({"backbone_lr_scale": None, "lr_backbone": 1e-5, "lr_head": 1e-4}, 1e-5, 1e-4),
        ({"backbone_lr_scale": 0.5, "lr_head": 2e-4}, 1e-4, 2e-4),
    ):
        assert rates(**given) == {"backbone": pytest.approx(backbone), "head": pytest.approx(head)}
    with pytest.raises(ApsiError, match=r"lr_backbone=1e-05 and backbone_lr_scale=0\.5 .*backbone_lr_scale=null"):
        rates(backbone_lr_scale=0.5, lr_backbone=1e-5)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd_does_what_torchs_does_with_the_same_groups(momentum: float, nesterov: bool) -> None:
    rates = {"lr_backbone": 0.01, "lr_head": 0.1, "backbone_lr_scale": None}
    optimizer = Sgd(
        1.0,
        weight_decay=0.1,
        backbone_weight_decay=0.2,
        momentum=momentum,
        nesterov=nesterov,
        **rates,  # type: ignore[arg-type]
    )
    ours, theirs = model(PPO, optimizer, max_grad_norm=0.5), model(PPO)
    layers = theirs.policy.features_extractor
    backbone = {id(p) for p in layers.backbone.parameters()}
    groups = [
        {"params": layers.backbone.parameters(), "lr": 0.01, "weight_decay": 0.2},
        {"params": [p for p in theirs.policy.parameters() if id(p) not in backbone], "lr": 0.1, "weight_decay": 0.1},
    ]
    reference = torch.optim.SGD(groups, momentum=momentum, nesterov=nesterov)
    for seed in range(3):
        photos = torch.randn(16, 4, generator=torch.Generator().manual_seed(seed))
        for made, with_it in ((ours, ours.policy.optimizer), (theirs, reference)):
            with_it.zero_grad()
            made.policy.predict_values(photos).square().mean().mul(50).backward()
            if made is theirs:
                torch.nn.utils.clip_grad_norm_(made.policy.parameters(), 0.5)
            with_it.step()
    for (name, a), b in zip(ours.policy.named_parameters(), theirs.policy.parameters(), strict=True):
        torch.testing.assert_close(a, b, msg=name)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(ApsiError, match=r"nesterov=true needs momentum: add algo\.optimizer\.momentum=0\.9"):
        Sgd(0.1, weight_decay=0, backbone_lr_scale=None, backbone_weight_decay=0, momentum=0, nesterov=True)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), {0: 1, 0.5: 1, 1: 1}),
        (Constant(warmup_steps=200), {0: 0.01, 0.1: 0.5, 0.2: 1, 1: 1}),
        (Linear(0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (WarmupCosine(0.1, 0.3, 0.0), {0: 0.01, 0.05: 0.5, 0.2: 1, 0.65: 0.5, 1: 0}),
        (WarmupCosine(0.0, 0.0, 0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (WarmupCosine(None, 0.0, 0.0), {0: 0.01, 0.05: 0.5, 0.1: 1, 0.55: 0.5, 1: 0}),
        (WarmupCosine(None, 0.0, 0.0, warmup_steps=500), {0: 0.01, 0.25: 0.5, 0.5: 1, 0.75: 0.5, 1: 0}),
        (WarmupCosine(None, 0.3, 0.0, warmup_steps=2000), {0: 0.01, 0.5: 0.5, 1: 1}),
        (Step([0.5, 0.75], 0.1), {0.49: 1, 0.5: 0.1, 0.9: 0.01}),
        (Step([0.5, 0.75], 0.1, warmup_steps=100), {0.05: 0.5, 0.49: 1, 0.5: 0.1}),
    ],
    ids=str,
)
def test_a_schedule_has_its_known_values(schedule: Schedule, expected: dict[float, float]) -> None:
    rate = schedule.of(2.0, 1000)
    assert {done: rate(1 - done) for done in expected} == pytest.approx({d: 2 * f for d, f in expected.items()})


def test_a_warm_up_in_steps_before_a_cosine_or_steps_is_that_of_torch() -> None:
    steps, warmup = 400, 100
    for schedule, after in (
        (
            WarmupCosine(None, 0.0, 0.0, warmup_steps=warmup),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=steps - warmup),
        ),
        (
            Step([0.5, 0.75], 0.1, warmup_steps=warmup),
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [200 - warmup, 300 - warmup], gamma=0.1),
        ),
    ):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
        line = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(step / warmup, 0.01))
        both = torch.optim.lr_scheduler.SequentialLR(optimizer, [line, after(optimizer)], [warmup])
        rate = schedule.of(0.5, steps)
        for step in range(steps):
            expected = optimizer.param_groups[0]["lr"]
            assert rate(1 - step / steps) == pytest.approx(expected, rel=1e-9, abs=1e-9), step
            optimizer.step()
            both.step()


def test_two_lengths_of_a_warm_up_are_refused() -> None:
    with pytest.raises(ApsiError, match=r"warmup=0\.1 .* warmup_steps=500 .*algo\.schedule\.warmup=null"):
        WarmupCosine(0.1, 0.0, 0.0, warmup_steps=500)


def test_plateau_lowers_the_rate_when_validation_has_not_improved_for_long() -> None:
    schedule = Plateau(gamma=0.5, patience=1, final=0.3)
    rate = schedule.of(1.0, 1000)
    seen = []
    for success in (0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3):
        schedule.report(success)
        seen.append(rate(0.5))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_gradients_are_clipped_by_the_optimizer_and_their_norm_before_is_told_once_a_look(kind: Any) -> None:
    made = model(kind, max_grad_norm=1e-3)
    assert gradient_norm(made) is None
    made.learn(40)
    norm = gradient_norm(made)
    assert norm is not None and norm > 1e-2
    assert gradient_norm(made) is None
    left = [p.grad for p in made.policy.parameters() if p.grad is not None]
    assert float(torch.nn.utils.get_total_norm(left)) == pytest.approx(1e-3, rel=0.01)


def test_an_algorithm_that_clips_nothing_stays_so() -> None:
    made = model(SAC)
    assert not hasattr(made, "max_grad_norm")
    assert all(math.isinf(owner.optimizer.max_norm) for owner in (made.actor, made.critic))
    made.learn(8)
    norm = gradient_norm(made)
    assert norm is not None and norm > 0


def test_the_gradients_norm_is_that_of_one_backward_pass_and_of_what_is_free_to_learn() -> None:
    made = model(PPO, max_grad_norm=1e-3)
    optimizer, layer = made.policy.optimizer, made.policy.features_extractor.more
    layer.bias.requires_grad_(False)
    for scale, free in ((3.0, False), (2.0, True)):
        layer.bias.requires_grad_(free)
        optimizer.zero_grad()
        (scale * (layer.weight.sum() + layer.bias.sum())).backward()
        optimizer.step()
        n = layer.weight.numel() + free * layer.bias.numel()
        assert gradient_norm(made) == pytest.approx(scale * n**0.5)
