"""Baselines: they do what their names say and count what they ask the juror."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from apsi.agent.ask import TrainedAgent
from apsi.env.core import EnvComponents
from apsi.errors import ApsiError
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.agent import Agent
from apsi.policy.base import Policy, PolicyContext
from apsi.policy.beam import Beam
from apsi.policy.greedy import Greedy
from apsi.policy.nothing import Nothing
from apsi.policy.random import Random
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.transform.parametric import ParametricActions

STOP = 4


def play(
    policy: type[Policy],
    parts: EnvComponents,
    split: PreparedSplit,
    predict: Callable | None = None,
    batch_size: int = 2,
) -> list[EpisodeResult]:
    agent = TrainedAgent(lambda observations, memory, begins: (predict(observations), None), None) if predict else None
    context = PolicyContext(parts, agent, np.random.default_rng(0))
    made = Agent(context, no_repeats=True) if policy is Agent else policy(context)
    return list(roll_out(made, parts, split.episodes, batch_size=batch_size, store=PhotoStore(), pictures=1))


def test_nothing_changes_nothing_and_asks_nothing(restore: EnvComponents, split: PreparedSplit) -> None:
    for result in play(Nothing, restore, split):
        assert (result.actions, result.steps, result.juror_calls, result.success) == ((), 0, 0, False)
        assert result.gain == 0


def test_greedy_repairs_what_one_transform_repairs(restore: EnvComponents, split: PreparedSplit) -> None:
    results = play(Greedy, restore, split)
    assert [result.actions for result in results] == [("swap_rb",), ("swap_rb",), ("invert_r",)]
    assert all(result.success for result in results)


def test_greedy_counts_each_scored_photo_once(optimise: EnvComponents, split: PreparedSplit) -> None:
    """4 transforms tried at each state, the last of which is the one that nothing improves."""
    for result in play(Greedy, optimise, split):
        rounds = result.steps + (result.steps < 3)
        assert result.juror_calls == 4 * rounds


def test_greedy_never_ends_below_where_it_began(optimise: EnvComponents, split: PreparedSplit) -> None:
    assert all(result.gain >= 0 for result in play(Greedy, optimise, split))


def test_random_repeats_itself_with_the_same_seed(restore: EnvComponents, split: PreparedSplit) -> None:
    first, second = (play(Random, restore, split) for _ in range(2))
    assert [r.actions for r in first] == [r.actions for r in second]


def test_the_agent_sees_observations_and_nothing_else(restore: EnvComponents, split: PreparedSplit) -> None:
    seen = []

    def predict(observations: np.ndarray) -> np.ndarray:
        seen.append(observations)
        return np.full(len(observations), 3)

    results = play(Agent, restore, split, predict)
    assert [r.success for r in results] == [True, True, False]
    assert [r.juror_calls for r in results] == [r.steps for r in results]
    assert {(o.dtype.name, *o.shape[1:]) for o in seen} == {("uint8", 3, 36, 36)}


def test_stop_is_no_step_and_leaves_the_photo(optimise: EnvComponents, split: PreparedSplit) -> None:
    for result in play(Agent, optimise, split, lambda o: np.full(len(o), STOP)):
        assert (result.steps, result.actions, result.gain) == (0, (), 0)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_results_come_in_order_whatever_the_batch_size(
    restore: EnvComponents, split: PreparedSplit, batch_size: int
) -> None:
    results = play(Greedy, restore, split, batch_size=batch_size)
    assert [result.episode for result in results] == list(split.episodes)
    assert [result.final_score for result in results] == [episode.target_score for episode in split.episodes]


def test_pictures_hold_every_state_of_the_first_episodes_only(restore: EnvComponents, split: PreparedSplit) -> None:
    results = play(Greedy, restore, split)
    assert [len(result.frames) for result in results] == [2, 0, 0]
    assert [frame.label for frame in results[0].frames] == ["", "swap_rb"]
    assert results[0].frames[-1].score == results[0].final_score


def play_agent(
    parts: EnvComponents, split: PreparedSplit, agent: TrainedAgent, no_repeats: bool
) -> list[EpisodeResult]:
    made = Agent(PolicyContext(parts, agent, np.random.default_rng(0)), no_repeats=no_repeats)
    return list(roll_out(made, parts, split.episodes, batch_size=2, store=PhotoStore()))


def test_an_agent_that_came_back_to_a_photo_tries_what_it_has_not_tried_there(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    """It would rather invert green for ever; the second time at the start it takes its second choice."""

    def prefer(observations: np.ndarray) -> np.ndarray:
        return np.tile([1.0, 3.0, 0.0, 2.0], (len(observations), 1))

    agent = TrainedAgent(lambda observations, memory, begins: (np.ones(len(observations), int), None), prefer)
    assert [r.actions for r in play_agent(restore, split, agent, no_repeats=False)] == [("invert_g",) * 3] * 3
    results = play_agent(restore, split, agent, no_repeats=True)
    assert results[0].actions == ("invert_g", "invert_g", "swap_rb") and results[0].success


def test_a_recurrent_agent_is_given_its_own_memory_back(restore: EnvComponents, split: PreparedSplit) -> None:
    """The memory counts the steps of each episode; it is empty where one begins."""
    seen: list[tuple[list[float], list[bool]]] = []

    def predict(observations, memory, begins):  # type: ignore[no-untyped-def]
        counts = np.zeros((1, len(observations), 1)) if memory is None else memory[0].copy()
        counts[0, begins] = 0
        seen.append((counts[0, :, 0].tolist(), begins.tolist()))
        return np.full(len(observations), 1), (counts + 1,)

    play_agent(restore, split, TrainedAgent(predict, None), no_repeats=True)
    assert seen[:3] == [([0, 0], [True, True]), ([1, 1], [False, False]), ([2, 2], [False, False])]
    assert seen[3] == ([0], [True])


def test_beam_search_finds_what_greedy_misses(optimise: EnvComponents, split: PreparedSplit) -> None:
    """At least as good at every episode, and it counts each distinct photo it scored."""

    def beam(width: int, depth: int) -> list[EpisodeResult]:
        made = Beam(PolicyContext(optimise, None, np.random.default_rng(0)), width=width, depth=depth)
        return list(roll_out(made, optimise, split.episodes, batch_size=2, store=PhotoStore()))

    greedy, wide, narrow = play(Greedy, optimise, split), beam(8, 3), beam(1, 1)
    assert all(w.final_score >= g.final_score - 1e-9 for w, g in zip(wide, greedy, strict=True))
    assert [n.actions for n in narrow] == [g.actions[:1] for g in greedy]
    before = len(optimise.juror.batches)  # type: ignore[attr-defined]
    results = beam(2, 2)
    scored = sum(optimise.juror.batches[before:])  # type: ignore[attr-defined]
    assert sum(r.juror_calls for r in results) == scored - sum(r.steps for r in results)  # those were scored twice


def test_caution_makes_strengths_weaker_and_leaves_stop_as_it_is(restore: EnvComponents, split: PreparedSplit) -> None:
    actions = ParametricActions(["contrast", "gamma"], reach=1.0, dead_zone=0.0, stop=True)
    parts = replace(restore, actions=actions)
    asked = np.array([[0.4, -0.8, 0.1]], np.float32)
    agent = TrainedAgent(lambda observations, memory, begins: (asked.repeat(len(begins), 0), None), None)
    context = PolicyContext(parts, agent, np.random.default_rng(0))
    played = {
        caution: next(
            roll_out(Agent(context, True, caution), parts, split.episodes[:1], batch_size=1, store=PhotoStore())
        ).actions[:2]
        for caution in (0.0, 0.5)
    }
    assert played == {0.0: ("contrast(+0.400)", "gamma(-0.800)"), 0.5: ("contrast(+0.200)", "gamma(-0.400)")}
    assert actions.scaled(np.array([[0.4, -0.8, 0.9]], np.float32), 0.5)[0, 2] == np.float32(0.9)


def test_discrete_actions_have_no_strengths_for_caution(restore: EnvComponents) -> None:
    with pytest.raises(ApsiError, match=r"policy\.agent\.caution=0\.5 .* transform=adjustments or parametric"):
        Agent(PolicyContext(restore, None, np.random.default_rng(0)), True, 0.5)
