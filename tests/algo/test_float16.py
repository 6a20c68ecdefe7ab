"""Networks in float16: gradients are scaled where they would vanish, and only there."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from apsi.algo.optimizer.adam import Adam
from apsi.algo.optimizer.base import gradient_norm, loss_scale
from apsi.errors import ApsiError
from tests.feature_extractor.small import small


class Policy(nn.Module):
    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.features_extractor = small(**{"freeze": "none", "features_dim": 5, "amp": "float16"} | settings)
        self.action_net = nn.Linear(5, 1)
        self.optimizer: Any = torch.optim.Adam(self.parameters())


class Model:
    """What an optimizer looks at of a model of Stable-Baselines3."""

    def __init__(self, device: str = "cpu", batches: int = 1, **settings: Any) -> None:
        self.policy, self.device = Policy(**settings), torch.device(device)
        self.max_grad_norm = 1.0
        adam = Adam(
            1e-2,
            weight_decay=0.0,
            backbone_lr_scale=1.0,
            backbone_weight_decay=0.0,
            eps=1e-8,
            gradient_accumulation=batches,
        )
        adam.attach(self)  # type: ignore[arg-type]

    def learn(self, photos: torch.Tensor, times: float = 1.0) -> None:
        self.policy.optimizer.zero_grad()
        loss = self.policy.action_net(self.policy.features_extractor(photos)).square().mean()
        (times * loss).backward()
        self.policy.optimizer.step()


def photos(seed: int = 0, n: int = 4) -> torch.Tensor:
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def test_gradients_that_vanish_in_float16_arrive_and_those_of_the_head_are_left_alone() -> None:
    """At 1e-7 of the loss, float16 has nothing left of a gradient."""
    scaled, plain = Model(), Model()
    exact = Model(amp=False)
    plain.policy.features_extractor.scaler = plain.policy.optimizer.scaler = None
    for model in (scaled, plain, exact):
        model.policy.optimizer.max_norm = float("inf")
        model.learn(photos(), times=1e-7)
    first = "features_extractor.backbone.conv1.weight"
    gradients = {
        name: dict(model.policy.named_parameters())[first].grad
        for name, model in (("scaled", scaled), ("plain", plain), ("exact", exact))
    }
    assert gradients["plain"] is not None and gradients["scaled"] is not None and gradients["exact"] is not None
    assert not gradients["plain"].any()
    torch.testing.assert_close(gradients["scaled"], gradients["exact"], rtol=0.05, atol=1e-10)
    for a, b in zip(scaled.policy.action_net.parameters(), exact.policy.action_net.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        torch.testing.assert_close(a.grad, b.grad, rtol=0.05, atol=1e-10)
    assert gradient_norm(scaled) == pytest.approx(gradient_norm(exact), rel=0.05)  # type: ignore[arg-type]


def test_a_step_whose_gradients_overflow_is_left_out_and_the_scale_is_lowered() -> None:
    model = Model(norm="layer")
    before = copy.deepcopy(model.policy.state_dict())
    assert loss_scale(model) == 2**16  # type: ignore[arg-type]
    model.learn(photos(), times=1e4)
    assert loss_scale(model) == 2**15  # type: ignore[arg-type]
    assert gradient_norm(model) is None  # type: ignore[arg-type]
    assert all(torch.equal(value, before[name]) for name, value in model.policy.state_dict().items())
    for _ in range(20):
        model.learn(photos(), times=1e4)
    assert all(torch.isfinite(value).all() for value in model.policy.state_dict().values())
    assert any(not torch.equal(value, before[name]) for name, value in model.policy.state_dict().items())
    assert gradient_norm(model) is not None  # type: ignore[arg-type]


def test_what_comes_before_the_network_gets_gradients_of_the_right_size() -> None:
    found = {}
    for amp in ("float16", False):
        extractor = small(channels=5, freeze="none", amp=amp).eval()
        extractor.scaler = torch.amp.GradScaler("cpu") if amp else None
        extractor(torch.rand(4, 5, 16, 16, generator=torch.Generator().manual_seed(1))).sum().backward()
        found[amp] = next(extractor.to_rgb.parameters()).grad
    assert found["float16"] is not None and found[False] is not None
    torch.testing.assert_close(found["float16"], found[False], rtol=0.05, atol=0.01)


def test_several_batches_make_one_step_in_float16_too() -> None:
    one, two = Model(norm="layer"), Model(norm="layer", batches=2)  # BatchNorm would look at each batch
    one.learn(torch.cat([photos(1), photos(2)]))
    two.learn(photos(1))
    two.learn(photos(2))
    for (name, a), b in zip(one.policy.named_parameters(), two.policy.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None, name
        torch.testing.assert_close(a.grad, b.grad, rtol=0.02, atol=1e-4)


def test_a_frozen_network_in_float16_needs_no_scale_and_its_head_learns() -> None:
    model = Model(freeze="all")
    before = model.policy.action_net.weight.clone()
    model.learn(photos())
    assert not torch.equal(model.policy.action_net.weight, before)


def test_the_scale_goes_on_from_a_checkpoint() -> None:
    model, other = Model(), Model()
    model.learn(photos(), times=1e4)
    other.policy.optimizer.load_state_dict(model.policy.optimizer.state_dict())
    assert loss_scale(other) == 2**15  # type: ignore[arg-type]


def test_where_torch_can_not_scale_gradients_it_is_refused() -> None:
    with pytest.raises(ApsiError, match=r"amp=float16 .* not for mps: add feature_extractor\.amp=bfloat16"):
        Model(device="mps")
    assert loss_scale(Model(device="mps", amp="bfloat16")) is None  # type: ignore[arg-type]


def test_a_part_may_be_frozen() -> None:
    model = Model(freeze="partial")
    stages = model.policy.features_extractor.stages
    before = {name: next(stage.parameters()).clone() for name, stage in stages.items()}
    model.learn(photos())
    changed = {name for name, stage in stages.items() if not torch.equal(next(stage.parameters()), before[name])}
    assert changed == {"layer4"}
