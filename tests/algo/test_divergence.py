"""Networks that hold no numbers: an error that names the algorithm and the step, while training and when acting."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from apsi.agent.ask import trained_agent
from apsi.agent.build import build_model
from apsi.algo.divergence import DivergedError, divergence_named
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.agent import Agent
from apsi.policy.base import PolicyContext
from apsi.policy.rollout import roll_out
from apsi.train.callbacks import GradientCallback
from tests.conftest import context
from tests.fast import ALGORITHMS

NETWORK = ["feature_extractor.channels=[8]", "feature_extractor.features_dim=8", "device=cpu"]


def broken(algo: str, parts: EnvComponents, split: PreparedSplit, value: float = np.nan):  # type: ignore[no-untyped-def]
    """A model whose networks hold this, as after a training that diverged, and what it edits with."""
    config = load_config([f"algo={algo}", *NETWORK, *ALGORITHMS[algo]])
    if "transform=parametric" in ALGORITHMS[algo]:
        parts = replace(parts, actions=instantiate(config.transform, stop=parts.objective.stop))
    source = instantiate(config.episodes, context=context(split))
    made, model = build_model(config, PhotoVecEnv(EditCore(parts, source, 4)), 0)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.copy_(value * torch.randn_like(parameter))
    return made, model, parts


@pytest.mark.parametrize("algo", ["td3", "ppo", "dqn", "full_q"])
def test_training_that_diverged_ends_with_the_algorithm_and_the_step(
    algo: str, optimise: EnvComponents, split: PreparedSplit
) -> None:
    made, model, _ = broken(algo, optimise, split)
    says = rf"algo={algo} has diverged: after \d+ steps"
    with pytest.raises(DivergedError, match=says), divergence_named(made.name, model):
        model.learn(400, [GradientCallback(made.name)])
    assert model.num_timesteps < 400


@pytest.mark.parametrize("algo", ["td3", "dqn", "a2c"])
def test_a_diverged_agent_does_not_pass_for_one_that_leaves_photos_alone(
    algo: str, optimise: EnvComponents, split: PreparedSplit
) -> None:
    made, model, _ = broken(algo, optimise, split)
    model.num_timesteps = 1234
    with pytest.raises(DivergedError, match=f"algo={algo} has diverged: after 1,234 steps a parameter"):
        trained_agent(made, model)


@pytest.mark.parametrize(("algo", "no_repeats"), [("td3", False), ("dqn", True)])
def test_an_answer_that_is_no_number_is_an_error_too(
    algo: str, no_repeats: bool, optimise: EnvComponents, split: PreparedSplit
) -> None:
    """As where numbers so large meet that their sum has none."""
    made, model, parts = broken(algo, optimise, split, value=1e30)
    policy = Agent(PolicyContext(parts, trained_agent(made, model), np.random.default_rng(0)), no_repeats)
    with pytest.raises(DivergedError, match=f"algo={algo} has diverged"):
        list(roll_out(policy, parts, split.episodes, batch_size=4, store=PhotoStore()))


def test_other_errors_stay_what_they_are(optimise: EnvComponents, split: PreparedSplit) -> None:
    config = load_config(["algo=ppo", *NETWORK])
    source = instantiate(config.episodes, context=context(split))
    _, model = build_model(config, PhotoVecEnv(EditCore(optimise, source, 2)), 0)
    with pytest.raises(ValueError, match="something else"), divergence_named("ppo", model):
        raise ValueError("something else")
