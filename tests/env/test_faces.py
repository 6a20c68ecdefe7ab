"""The two faces of the core: what gymnasium and Stable-Baselines3 expect of an environment."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_checker import check_env as sb3_check

from apsi.env.core import EditCore, EnvComponents
from apsi.env.gym_env import PhotoEditEnv
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.prepared import PreparedEpisodes
from apsi.photo.prepared import PreparedSplit
from apsi.transform.action_set import DiscreteActions
from tests.conftest import context

SWAP_RB = 3


def vec_env(components: EnvComponents, split: PreparedSplit, n: int = 4) -> PhotoVecEnv:
    return PhotoVecEnv(EditCore(components, PreparedEpisodes(context(split)), n))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("extras", [[], ["steps_left", "score", "last_action"]], ids=["photo", "extras"])
@pytest.mark.parametrize("objective", ["restore", "optimise"])
def test_gymnasiums_and_sb3s_env_checkers_pass(
    objective: str, extras: list[str], split: PreparedSplit, request: pytest.FixtureRequest
) -> None:
    parts: EnvComponents = request.getfixturevalue(objective)
    parts = replace(parts, objective=replace(parts.objective, extras=extras))
    env = PhotoEditEnv(parts, PreparedEpisodes(context(split)), render_mode="rgb_array")
    gymnasium_check(env, skip_render_check=True)
    sb3_check(env)


def test_a_seed_repeats_an_episode(restore: EnvComponents, split: PreparedSplit) -> None:
    env = PhotoEditEnv(restore, PreparedEpisodes(context(split)))
    first, _ = env.reset(seed=5)
    env.step(np.int64(0))
    env.reset()
    again, _ = env.reset(seed=5)
    assert (first == again).all()


@pytest.mark.parametrize("extras", [[], ["steps_left"]], ids=["photo", "steps_left"])
def test_both_faces_say_truncated_only_where_the_agent_does_not_know_the_time(
    extras: list[str], restore: EnvComponents, split: PreparedSplit
) -> None:
    parts = replace(restore, objective=replace(restore.objective, extras=extras))
    many, one = vec_env(parts, split, n=1), PhotoEditEnv(parts, PreparedEpisodes(context(split)))
    many.reset()
    one.reset()
    for step in (1, 2, 3):
        _, _, terminated, truncated, _ = one.step(np.int64(1))
        _, _, dones, infos = many.step(np.array([1]))
        assert (terminated, truncated) == (step == 3 and bool(extras), step == 3 and not extras)
        assert dones.tolist() == [step == 3]
    assert infos[0]["TimeLimit.truncated"] == (not extras)


@pytest.mark.parametrize("extras", [[], ["steps_left"]], ids=["photo", "steps_left"])
def test_sb3_expects_something_of_a_photo_after_the_cut_only_where_the_agent_does_not_know_the_time(
    extras: list[str], restore: EnvComponents, split: PreparedSplit
) -> None:
    objective = replace(restore.objective, extras=extras)
    parts = replace(restore, objective=objective, actions=DiscreteActions(["invert_g"]))  # which repairs nothing
    policy = "MultiInputPolicy" if extras else "CnnPolicy"
    ppo = PPO(policy, vec_env(parts, split, n=1), n_steps=6, batch_size=6, gamma=0.5, device="cpu")
    ppo.policy.predict_values = lambda _: torch.full((1, 1), 100.0)  # type: ignore[method-assign]
    ppo.learn(6)
    gained = ppo.rollout_buffer.rewards[:, 0] > 40
    assert gained.tolist() == [False, False, not extras] * 2
    dqn = DQN(policy, vec_env(parts, split, n=1), learning_starts=100, buffer_size=6, device="cpu")
    dqn.learn(6)
    assert bool(dqn.replay_buffer.sample(100).dones.any()) == bool(extras)  # type: ignore[union-attr]


def test_where_there_is_one_step_its_end_is_the_end_of_the_task(restore: EnvComponents, split: PreparedSplit) -> None:
    parts = replace(restore, objective=replace(restore.objective, max_steps=1))
    many, one = vec_env(parts, split, n=1), PhotoEditEnv(parts, PreparedEpisodes(context(split)))
    many.reset()
    one.reset()
    assert many.core.look_ahead().terminated.all()
    assert one.step(np.int64(1))[2:4] == (True, False)
    *_, dones, infos = many.step(np.array([1]))
    assert dones.all() and not infos[0]["TimeLimit.truncated"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # gymnasium's: "Environment truncates after 1 step"
        gymnasium_check(one, skip_render_check=True)


def test_no_image_travels_in_info_except_the_terminal_observation(restore: EnvComponents, split: PreparedSplit) -> None:
    env = vec_env(restore, split)
    env.reset()
    seen = set()
    for _ in range(6):
        _, _, _, infos = env.step(np.full(4, SWAP_RB))
        seen |= {key for info in infos for key, value in info.items() if isinstance(value, np.ndarray)}
    assert seen == {"terminal_observation"}


def test_an_ended_episode_is_reset_and_its_last_observation_kept(restore: EnvComponents, split: PreparedSplit) -> None:
    env = vec_env(restore, split)
    env.reset()
    ended = 0
    for _ in range(12):
        observations, rewards, dones, infos = env.step(np.full(4, SWAP_RB))
        assert rewards.dtype == np.float32
        for i in np.flatnonzero(dones):
            ended += 1
            assert env.core.steps[i] == 0
            assert (observations[i] == env.core.observe([i])[0]).all()
            assert infos[i]["terminal_observation"].shape == observations[i].shape
            assert infos[i]["episode"]["l"] in (1, 2, 3)
            assert infos[i]["TimeLimit.truncated"] == (not infos[i]["is_success"])
    assert ended > 4
