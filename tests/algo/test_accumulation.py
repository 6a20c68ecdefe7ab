"""Gradient accumulation: several batches make the same step as one batch that is as large."""

from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from torch import nn

from apsi.algo.optimizer.accumulation import spread_normalisation
from apsi.algo.optimizer.grouped import BACKBONE, HEAD, SCALE, GroupedAdam, GroupedSGD
from apsi.algo.optimizer.sgd import Sgd
from apsi.errors import ApsiError


def sgd(batches: int) -> Sgd:
    return Sgd(
        0.05,
        weight_decay=0.01,
        backbone_lr_scale=None,
        backbone_weight_decay=0.0,
        momentum=0.9,
        nesterov=False,
        gradient_accumulation=batches,
    )


def learned(kind: Any, batches: int, steps: int, **arguments: Any) -> Any:
    policy = "MlpLstmPolicy" if kind is RecurrentPPO else "MlpPolicy"
    made = kind(policy, "CartPole-v1", learning_rate=lambda _: 0.05, device="cpu", seed=3, **arguments)
    sgd(batches).attach(made)
    made.learn(steps)
    return made


def require_alike(one: Any, other: Any) -> None:
    for (name, a), b in zip(one.policy.named_parameters(), other.policy.parameters(), strict=True):
        torch.testing.assert_close(a, b, msg=lambda text, name=name: f"{name}: {text}")
    fresh = list(type(one)("MlpPolicy", "CartPole-v1", device="cpu", seed=3).policy.parameters())
    assert any((a - b).abs().max() > 1e-3 for a, b in zip(one.policy.parameters(), fresh, strict=True)), "it learned"


def test_ppo_learns_from_small_batches_what_it_learns_from_a_large_one() -> None:
    """Advantages too are normalised over the large one."""
    large = learned(PPO, 1, 128, n_steps=64, batch_size=32, n_epochs=2, max_grad_norm=0.3)
    small = learned(PPO, 4, 128, n_steps=64, batch_size=8, n_epochs=2, max_grad_norm=0.3)
    require_alike(small, large)


def test_dqn_learns_from_small_batches_what_it_learns_from_a_large_one() -> None:
    arguments = {"learning_starts": 16, "train_freq": 4, "target_update_interval": 8, "max_grad_norm": 0.1}
    large = learned(DQN, 1, 64, batch_size=32, gradient_steps=1, **arguments)
    small = learned(DQN, 4, 64, batch_size=8, gradient_steps=4, **arguments)
    require_alike(small, large)


def test_a2c_makes_a_step_of_the_steps_of_several_rollouts() -> None:
    """Two rollouts of 8 steps in a row without a step between them have the same actions as one of 16."""
    made = learned(A2C, 2, 8, n_steps=8, use_rms_prop=False)
    before = [p.clone() for p in made.policy.parameters()]
    fresh = A2C("MlpPolicy", "CartPole-v1", device="cpu", seed=3, use_rms_prop=False)
    assert all(torch.equal(a, b) for a, b in zip(before, fresh.policy.parameters(), strict=True))
    made.learn(8, reset_num_timesteps=False)
    assert any(not torch.equal(a, b) for a, b in zip(before, made.policy.parameters(), strict=True))


def test_a_recurrent_agent_learns_with_it_too() -> None:
    made = learned(RecurrentPPO, 2, 32, n_steps=32, batch_size=8, n_epochs=1)
    assert len(made.policy.optimizer.take_norms()) == 2


def test_padding_counts_in_no_mean() -> None:
    batches = [
        SimpleNamespace(advantages=torch.tensor([1.0, 3.0, 99.0]), mask=torch.tensor([1.0, 1.0, 0.0])),
        SimpleNamespace(advantages=torch.tensor([5.0, 7.0, 9.0]), mask=torch.tensor([1.0, 1.0, 1.0])),
    ]
    for batch in batches:
        batch._replace = lambda advantages: advantages
    model: Any = SimpleNamespace(
        rollout_buffer=SimpleNamespace(get=lambda _: iter(batches)), batch_size=3, normalize_advantage=True
    )
    spread_normalisation(model, 2)
    known = torch.tensor([1.0, 3.0, 5.0, 7.0, 9.0])
    given_out = torch.cat(list(model.rollout_buffer.get(3)))
    torch.testing.assert_close(given_out[[0, 1, 3, 4, 5]], (known - known.mean()) / known.std())


@pytest.mark.parametrize("kind", [SAC, TD3])
def test_an_actor_that_learns_from_a_critic_is_refused_with_the_reason(kind: Any) -> None:
    made = kind("MlpPolicy", "Pendulum-v1", device="cpu")
    with pytest.raises(ApsiError, match=r"gradient_accumulation=2: (SAC|TD3) has 2 optimizers, and its actor learns"):
        sgd(2).attach(made)


def test_steps_that_are_no_multiple_are_refused_with_the_numbers() -> None:
    made = PPO("MlpPolicy", "CartPole-v1", device="cpu", n_steps=64, batch_size=16)
    with pytest.raises(ApsiError, match=r"3 batches of 16 are 48 steps, of which the 64 .* are no multiple"):
        sgd(3).attach(made)


def parts(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))


def grouped(network: nn.Sequential, kind: Any, **arguments: Any) -> Any:
    groups = [
        {"params": list(network[0].parameters()), "name": BACKBONE, SCALE: 0.1, "weight_decay": 0.0},
        {"params": list(network[2].parameters()), "name": HEAD, SCALE: 1.0, "weight_decay": 0.1},
    ]
    return kind(groups, lr=0.1, **arguments)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 100))
def test_the_mean_of_the_gradients_of_equal_batches_is_that_of_all(batches: int, size: int, seed: int) -> None:
    one, other = parts(seed), parts(seed)
    large, small = (
        grouped(one, GroupedSGD, max_norm=0.5),
        grouped(other, GroupedSGD, max_norm=0.5, accumulation=batches),
    )
    photos = torch.randn(3, batches * size, 5)
    for batch in photos:
        large.zero_grad()
        one(batch).square().mean().backward()
        large.step()
        for part in batch.split(size):
            small.zero_grad()
            other(part).square().mean().backward()
            small.step()
    torch.testing.assert_close(other.state_dict(), one.state_dict(), rtol=1e-4, atol=1e-5)
    assert small.take_norms() == pytest.approx(large.take_norms(), rel=1e-3)


@pytest.mark.parametrize("done", [1, 2, 3])
def test_what_waits_for_its_step_is_part_of_a_checkpoint(done: int) -> None:
    batches = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(1))

    def learn(network: nn.Sequential, optimizer: Any, photos: torch.Tensor) -> None:
        for batch in photos:
            optimizer.zero_grad()
            network(batch).square().mean().backward()
            optimizer.step()

    unbroken, first, second = parts(0), parts(0), parts(5)
    optimizers = [grouped(network, GroupedAdam, accumulation=3) for network in (unbroken, first, second)]
    learn(unbroken, optimizers[0], batches)
    learn(first, optimizers[1], batches[:done])
    second.load_state_dict(first.state_dict())
    optimizers[2].load_state_dict(optimizers[1].state_dict())
    learn(second, optimizers[2], batches[done:])
    for name, tensor in unbroken.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor), name


def test_earlier_checkpoints_which_have_nothing_waiting_are_read() -> None:
    network = parts(0)
    optimizer = grouped(network, GroupedAdam, accumulation=2)
    network(torch.ones(1, 5)).sum().backward()
    optimizer.step()
    optimizer.load_state_dict(grouped(parts(0), GroupedAdam).state_dict())
    assert all(p.grad is None for p in network.parameters())
    assert "pending" not in optimizer.state_dict()


def test_observations_of_a_dict_are_no_hindrance() -> None:
    class Both(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Box(0, 1, (2,))})
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, **_: Any) -> Any:
            return {"a": np.zeros(2, np.float32)}, {}

        def step(self, action: Any) -> Any:
            return {"a": np.full(2, action, np.float32)}, float(action), False, False, {}

    made = PPO("MultiInputPolicy", Both(), device="cpu", n_steps=16, batch_size=4, n_epochs=1, seed=0)
    sgd(2).attach(made)
    made.learn(16)
    assert len(made.policy.optimizer.take_norms()) == 2
