"""Budgets of episodes and epochs: they end when they should, and all that follows training's progress follows them."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from apsi.agent.build import build_model
from apsi.agent.checkpoint import read_checkpoint
from apsi.algo.ppo import Ppo
from apsi.algo.schedule.fixed import Linear
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.config.schema import TrainSettings
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.prepared import PreparedEpisodes
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.search.page import validations
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train.budget import Budget, BudgetSpent, EpisodesCallback
from apsi.train.loop import train_agent
from tests.algo.test_dqn import GIVEN, NETWORK, algo_of
from tests.conftest import context

BRIEF = ("debug=tiny", "device=cpu", "device.threads=1", "task=train", "resume=never", "tracking=none", "seed=6")
SMALL = (
    "algo=dqn",
    "algo.learning_starts=8",
    "algo.gradient_steps=1",
    "algo.buffer_size=64",
    "algo.batch_size=16",
    "train.images=0",
)


def config_of(data: Path, *overrides: str) -> DictConfig:
    return load_config([*BRIEF, *SMALL, f"data_dir={data}", *overrides])


def test_an_epoch_has_as_many_episodes_as_the_training_split(data_dir: Path, tmp_path: Path) -> None:
    every = ("train.eval_every=1", "train.checkpoint_every=1", "train.keep_every=1")
    config = config_of(data_dir, "train.epochs=3", "train.n_envs=1", "env.max_steps=2", *every)
    folder, prepared = RunFolder.create(tmp_path, config), prepare(config)
    state = train_agent(config, prepared, folder, NoTracker()).state
    size = len(prepared.split("train").episodes)
    assert [row["episodes"] for row in state.history] == [size, 2 * size, 3 * size]
    kept = [read_checkpoint(path).state for path in folder.step_checkpoints]
    assert [one.episodes for one in kept] == [size, 2 * size, 3 * size]
    assert [one.timesteps for one in kept] == [row["timesteps"] for row in state.history]
    assert size < state.timesteps <= 3 * 2 * size  # and no longer than the episodes were


@pytest.mark.parametrize("kind", ["ppo", "dqn"])
def test_progress_is_the_share_of_the_episodes(kind: str, restore: EnvComponents, split: PreparedSplit) -> None:
    """Of learning rates and exploration alike, on-policy and off-policy; it ends between rollouts, after an update."""
    algo: Any = algo_of(exploration_fraction=1.0, exploration_final_eps=0.0)
    if kind == "ppo":
        common = {name: GIVEN[name] for name in ("optimizer", "net_arch", "gamma", "max_grad_norm", "batch_size")}
        algo = Ppo(**common, **PPO, schedule=Linear(0.0))
    algo = replace(algo, schedule=Linear(0.0))
    model: Any = algo.build(PhotoVecEnv(EditCore(restore, PreparedEpisodes(context(split)), 4)), NETWORK, 1000)
    budget = Budget(40, in_episodes=True)
    shares: list[float] = []
    train = model.train

    def spy(*args: Any, **kwargs: Any) -> None:
        shares.append(1 - budget.episodes / 40)
        train(*args, **kwargs)
        assert model._current_progress_remaining == pytest.approx(max(0, shares[-1]))
        assert model.policy.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * max(0, shares[-1]))
        if kind == "dqn":
            assert model.exploration_rate == pytest.approx(max(0, shares[-1]))

    model.train = spy
    with pytest.raises(BudgetSpent):
        model.learn(sys.maxsize, EpisodesCallback(budget))
    assert 40 <= budget.episodes < 60 and len(shares) > 2 and shares[-1] <= 0
    assert model.num_timesteps < 3 * 60


PPO = {
    **{"n_steps": 4, "n_epochs": 1, "gae_lambda": 0.9, "clip_range": 0.2, "ent_coef": 0.0, "vf_coef": 0.5},
    **{"log_std_init": 0.0},
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 3, "total_episodes": 100, "eval_every": 1}, r"train\.epochs=3 and train\.total_episodes=100"),
        ({"epochs": 20}, r"train\.eval_every=10000 is counted in epochs .* train\.eval_every=2\b"),
        ({"total_episodes": 5, "eval_every": 6}, r"train\.eval_every=6 is counted in episodes"),
        ({"epochs": 0}, r"train\.epochs=0 must be at least 1"),
    ],
)
def test_what_can_not_be_meant_is_an_error(settings: dict[str, int], said: str) -> None:
    with pytest.raises(ApsiError, match=said):
        TrainSettings(**settings)


def test_a_search_counts_in_the_same_unit() -> None:
    class Study:
        user_attrs = {"settings": {"config": {"train": {"epochs": 10, "eval_every": 2}}, "seeds": []}}  # noqa: RUF012

    assert validations(Study()) == ("Each dot is a validation, one every 2 epochs.", None)  # type: ignore[arg-type]


def test_the_rl_guides_run_is_the_guides() -> None:
    config = load_config(["experiment=rl_guide"])
    algo = config.algo
    assert algo["_target_"] == "apsi.algo.dqn.Dqn"
    assert (algo.batch_size, algo.buffer_size, algo.optimizer.learning_rate, algo.gamma) == (32, 10_000, 1e-3, 0.99)
    assert (algo.exploration_initial_eps, algo.exploration_final_eps, algo.exploration_decay) == (1.0, 0.05, 0.995)
    assert (algo.loss, algo.max_grad_norm, algo.target_update_interval) == ("mse", None, 100)
    assert (config.env.max_steps, config.env.stop, config.env.observation_size) == (5, True, [64, 64])
    assert (config.reward.step_penalty, config.reward.terminal_bonus, config.seed) == (0.01, 0.1, 42)
    train = config.train
    assert (train.n_envs, train.epochs, train.eval_every, train.keep_every, train.keep_at_most) == (1, 10, 1, 1, None)
    assert list(config.transform.labels) == list(load_config(["transform=reversible"]).transform.labels)


def test_the_rl_guides_first_update_comes_with_32_transitions(restore: EnvComponents, split: PreparedSplit) -> None:
    config = load_config(["experiment=rl_guide", "device=cpu"])
    source = PreparedEpisodes(context(split))
    _, model = build_model(config, PhotoVecEnv(EditCore(restore, source, config.train.n_envs)), 0)
    learned_from: list[int] = []
    model.train = lambda *_, **__: learned_from.append(model.replay_buffer.size())  # type: ignore[attr-defined,method-assign]
    model.learn(34)
    assert learned_from == [32, 33, 34]
