"""The memory of Q-learners: n-step returns as a slow loop adds them up, draws and weights as the paper says."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.buffers import NStepReplayBuffer

from apsi.algo.replay import DictReplay, Priorities, Replay, add_steps

ENDS = ("goes on", "over", "cut off")


def replay(size: int, n_envs: int, n_steps: int = 1, gamma: float = 0.5, alpha: float | None = None) -> Replay:
    space = Box(0, 1e6, (1,), np.float32)
    return Replay(size, space, Discrete(3), "cpu", n_envs, n_steps=n_steps, gamma=gamma, alpha=alpha)


def add(memory: Any, number: int, ends: list[str]) -> None:
    """Step `number` of every environment; observations and rewards tell which one it is."""
    here = (np.arange(len(ends)) + 100 * number).astype(np.float32)
    infos = [{"TimeLimit.truncated": end == "cut off"} for end in ends]
    done = np.array([end != "goes on" for end in ends])
    memory.add(here[:, None], here[:, None] + 0.5, np.zeros(len(ends)), here + 1, done, infos)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 25), st.integers(1, 10), st.integers(1, 5))
def test_rewards_are_added_up_as_a_slow_loop_does(seed: int, n_envs: int, length: int, rows: int, n_steps: int) -> None:
    """To the end of the episode, never into another one, never from the newest step into the oldest."""
    history = np.random.default_rng(seed).choice(ENDS, (length, n_envs), p=(0.6, 0.2, 0.2)).tolist()
    gamma = 0.5
    memory = replay(rows * n_envs, n_envs)
    for number, ends in enumerate(history):
        add(memory, number, ends)
    for row, env in np.ndindex(memory.size(), n_envs):
        began = int(memory.observations[row, env, 0]) // 100
        rewards, steps, end = 0.0, 0, "goes on"
        while steps < n_steps and began + steps < len(history) and end == "goes on":
            rewards += gamma**steps * (100 * (began + steps) + env + 1)
            end = history[began + steps][env]
            steps += 1
        came = add_steps(memory, np.array([row]), np.array([env]), n_steps, gamma)
        assert came.rewards[0] == pytest.approx(rewards)
        assert came.discounts[0] == pytest.approx(gamma**steps)
        assert came.dones[0] == (end == "over")
        assert memory.next_observations[came.rows[0], env, 0] == 100 * (began + steps - 1) + env + 0.5


@pytest.mark.parametrize("n_steps", [1, 3])
def test_draws_are_those_of_stable_baselines3(n_steps: int) -> None:
    """With the same random numbers, so that a figure stays what it was."""
    space = Box(0, 1e6, (1,), np.float32)
    theirs, ours = (
        NStepReplayBuffer(12, space, Discrete(3), "cpu", 2, n_steps=n_steps, gamma=0.8),
        replay(12, 2, n_steps, 0.8),
    )
    ends = np.random.default_rng(0).choice(["goes on", "goes on", "over", "cut off"], (9, 2)).tolist()
    for number, end in enumerate(ends):
        add(theirs, number, end)
        add(ours, number, end)
    batches = []
    for memory in (theirs, ours):
        np.random.seed(1)
        batches.append(memory.sample(50))
    for name in ("observations", "actions", "next_observations", "dones", "rewards", "discounts"):
        torch.testing.assert_close(getattr(batches[1], name), getattr(batches[0], name))
    assert batches[1].weights is None


def test_extras_are_remembered_too() -> None:
    space = Dict({"photo": Box(0, 255, (3, 4, 4), np.uint8), "steps_left": Box(0, 9, (1,), np.float32)})
    memory = DictReplay(8, space, Discrete(3), "cpu", 2, n_steps=2, gamma=0.5, alpha=0.5)
    for number in range(3):
        here = {"photo": np.full((2, 3, 4, 4), number, np.uint8), "steps_left": np.full((2, 1), number, np.float32)}
        after = {name: values + 1 for name, values in here.items()}
        memory.add(here, after, np.zeros(2), np.ones(2), np.array([number == 1] * 2), [{}, {}])
    batch = memory.sample(64)
    began, ended = batch.observations["steps_left"], batch.next_observations["steps_left"]  # type: ignore[call-overload]
    assert {tuple(pair) for pair in torch.cat([began, ended], 1).tolist()} == {(0, 2), (1, 2), (2, 3)}
    assert batch.observations["photo"].dtype == torch.uint8 and batch.weights is not None  # type: ignore[call-overload]


def test_what_was_most_wrong_is_drawn_most_and_weighs_least() -> None:
    """P(i) = p_i^alpha / sum, w_i = (N P(i))^-beta over their maximum (Schaul et al. 2016, section 3.4)."""
    priorities = Priorities(6, alpha=0.5)
    priorities.begin(np.arange(4))  # of 6 cells 4 are filled
    priorities.update(np.arange(4), np.array([0.0, 1.0, 4.0, 9.0]))
    priorities.beta = 0.7
    np.random.seed(0)
    drawn = [priorities.draw(8, 4) for _ in range(4000)]
    cells = np.concatenate([cells for cells, _ in drawn])
    shares = np.array([0.001, 1, 2, 3]) / 6.001
    np.testing.assert_allclose(np.bincount(cells, minlength=6)[:4] / len(cells), shares, atol=0.01)
    for chosen, weights in drawn[:50]:
        expected = (4 * shares[chosen]) ** -0.7
        np.testing.assert_allclose(weights, expected / expected.max(), rtol=1e-3)


def test_every_part_of_the_sum_is_drawn_from_once() -> None:
    priorities = Priorities(8, alpha=1.0)
    priorities.begin(np.arange(8))
    assert priorities.draw(8, 8)[0].tolist() == list(range(8))


def test_what_is_new_is_as_urgent_as_the_most_urgent() -> None:
    priorities = Priorities(4, alpha=1.0)
    priorities.begin(np.arange(2))
    priorities.update(np.array([0, 1]), np.array([7.0, 0.5]))
    priorities.begin(np.array([2]))
    priorities.update(np.array([0]), np.array([0.1]))  # that it is no longer there changes nothing
    priorities.begin(np.array([3]))
    assert priorities.state(4)["priorities"] == pytest.approx([0.1, 0.5, 7, 7], abs=1e-5)


def test_a_restored_memory_draws_the_same() -> None:
    ours, other = Priorities(5, alpha=0.6), Priorities(5, alpha=0.6)
    ours.begin(np.arange(4))
    ours.update(np.arange(4), np.array([0.3, 1.7, 0.01, 2.0]))
    other.restore(ours.state(4), 4)
    for priorities in (ours, other):
        priorities.begin(np.array([4]))
    drawn = []
    for priorities in (ours, other):
        np.random.seed(3)
        drawn.append(priorities.draw(50, 5))
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0])
    np.testing.assert_array_equal(drawn[0][1], drawn[1][1])


@pytest.mark.parametrize("state", [np.zeros(3), np.array([1.0, -1.0]), np.array([1.0, np.nan])])
def test_priorities_that_do_not_fit_are_refused(state: Any) -> None:
    with pytest.raises(ValueError, match=r"needed|negative"):
        Priorities(5, alpha=0.6).restore({"priorities": state, "highest": 1.0}, 2)


def test_a_transition_that_is_overwritten_is_new_again() -> None:
    memory = replay(4, 2, alpha=1.0)
    for number in range(2):
        add(memory, number, ["goes on", "over"])
    assert memory.priorities is not None
    memory.priorities.update(np.arange(4), np.full(4, 5.0))
    memory.priorities.update(np.arange(4), np.full(4, 0.1))
    add(memory, 2, ["goes on", "over"])
    assert memory.priorities.state(4)["priorities"] == pytest.approx([5, 5, 0.1, 0.1], abs=1e-5)
    batch = memory.sample(16)
    memory.update(torch.full((16,), 2.0))
    drawn = {int(first) for first in batch.observations[:, 0]}  # type: ignore[index]
    assert {200, 201} <= drawn
    changed = memory.priorities.state(4)["priorities"]
    assert all(value == pytest.approx(2.0, abs=1e-5) for value in changed[:2])
