"""Predicting the juror's scores: right after learning, corrected by what was predicted wrong, and saved with it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from apsi.agent.ask import trained_agent
from apsi.algo.afterstate import AfterstatePolicy
from apsi.env.core import EditCore, EnvComponents
from apsi.errors import ApsiError
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.agent import Agent
from apsi.policy.base import PolicyContext
from apsi.policy.rollout import roll_out
from tests.algo.test_full_information import trained
from tests.conftest import InOrder, context

SMALL = ["algo=afterstate", "algo.learning_starts=16", "algo.batch_size=8", "algo.gradient_steps=6"]


@pytest.fixture
def policy() -> AfterstatePolicy:
    """Of two actions and STOP, untrained."""
    from gymnasium.spaces import Box, Discrete

    torch.manual_seed(0)
    return AfterstatePolicy(
        Box(0, 255, (3, 40, 40), np.uint8), Discrete(3), lambda _: 1e-3, net_arch=[8], labels=["invert_r", "swap_rb"]
    )


@pytest.mark.slow
def test_it_predicts_the_jurors_score_of_every_edit(optimise: EnvComponents, split: PreparedSplit) -> None:
    algo, model = trained(optimise, split, 300, *SMALL)
    core = EditCore(optimise, InOrder(context(split)), 3)
    core.reset()
    lookahead, agent = core.look_ahead(), trained_agent(algo, model)
    assert agent.prefer is not None
    gains = lookahead.scores - core.scores[:, None]
    assert np.ptp(gains) > 4
    assert np.abs(agent.prefer(core.observe()) - gains).max() < 1.2
    acting = Agent(PolicyContext(optimise, agent, np.random.default_rng(0)), no_repeats=True)
    results = list(roll_out(acting, optimise, split.episodes, batch_size=4, store=PhotoStore()))
    assert all(result.gain > 2 for result in results)


def test_changes_that_were_always_predicted_too_high_are_corrected(policy: AfterstatePolicy) -> None:
    rng = torch.Generator().manual_seed(0)
    predicted = torch.randn(500, 2, generator=rng)
    noise = 0.1 * torch.randn(500, 2, generator=rng)
    for part in range(10):
        rows = slice(50 * part, 50 * part + 50)
        policy.compare(predicted[rows], 0.5 * predicted[rows] - 1 + noise[rows])
    slope, offset, covariance = policy.corrections()
    torch.testing.assert_close(slope, torch.full((2,), 0.5).double(), atol=0.05, rtol=0)
    torch.testing.assert_close(offset, torch.full((2,), -1.0).double(), atol=0.1, rtol=0)
    assert (covariance.diagonal() < 0.05).all()


def test_a_change_that_does_not_depend_on_the_photo_as_predicted_becomes_its_mean(policy: AfterstatePolicy) -> None:
    rng = torch.Generator().manual_seed(0)
    common = torch.randn(2000, 1, generator=rng)
    policy.compare(torch.randn(2000, 2, generator=rng), 0.3 + torch.cat([common, -common], 1))
    slope, offset, covariance = policy.corrections()
    assert (slope < 0.1).all() and (abs(offset - 0.3) < 0.1).all()
    torch.testing.assert_close(covariance, torch.tensor([[1.0, -1], [-1, 1]]).double(), atol=0.1, rtol=0)


def test_before_anything_is_compared_predictions_are_not_corrected(policy: AfterstatePolicy) -> None:
    slope, offset, covariance = policy.corrections()
    assert slope.tolist() == [1, 1] and offset.tolist() == [0, 0] and covariance.abs().max() == 0


def test_stop_is_worth_nothing_and_an_action_what_it_makes_of_the_score(policy: AfterstatePolicy) -> None:
    photos = torch.randint(0, 256, (2, 3, 40, 40), dtype=torch.uint8)
    values = policy.q_net(photos)
    after = torch.flip(photos, [1])  # red and blue exchanged
    gain = 10 * (policy.logits(after).sigmoid() - policy.logits(photos).sigmoid())
    torch.testing.assert_close(values[:, 1:], torch.stack([gain, torch.zeros(2)], 1))


def test_corrections_are_saved_with_the_networks(optimise: EnvComponents, split: PreparedSplit, tmp_path: Path) -> None:
    _, model = trained(optimise, split, 40, *SMALL)
    model.save(tmp_path / "model.zip")
    other = type(model).load(tmp_path / "model.zip", device="cpu")
    assert all(torch.equal(a, b) for a, b in zip(*(m.policy.corrections() for m in (model, other)), strict=True))


def test_corrections_of_earlier_checkpoints_are_read_by_their_old_names(policy: AfterstatePolicy) -> None:
    policy.compare(torch.randn(40, 2), torch.randn(40, 2))
    saved = policy.state_dict()
    old = {{"moments": "seen", "n_compared": "compared"}.get(name, name): value for name, value in saved.items()}
    assert "seen" in old and "compared" in old
    fresh = AfterstatePolicy(
        policy.observation_space, policy.action_space, lambda _: 1e-3, net_arch=[8], labels=["invert_r", "swap_rb"]
    )
    fresh.load_state_dict(old)
    assert all(torch.equal(a, b) for a, b in zip(fresh.corrections(), policy.corrections(), strict=True))
    assert fresh.n_compared == policy.n_compared


def test_continuous_actions_are_refused(split: PreparedSplit, optimise: EnvComponents) -> None:
    from dataclasses import replace

    from apsi.config.compose import load_config
    from apsi.config.instantiate import instantiate

    continuous = replace(optimise, actions=instantiate(load_config(["transform=parametric"]).transform, stop=True))
    with pytest.raises(ApsiError, match="needs discrete actions"):
        trained(continuous, split, 10, *SMALL)
