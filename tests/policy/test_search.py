"""The search for strengths keeps to its budget and never ends below the start."""

import numpy as np
import pytest

from apsi.env.core import EnvComponents
from apsi.errors import ApsiError
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import PolicyContext
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.policy.search import Search
from apsi.transform.parametric import ParametricActions


def parts_of(parts: EnvComponents, stop: bool = False) -> EnvComponents:
    actions = ParametricActions(["exposure", "temperature"], 1.0, 0.0, stop=stop)
    return EnvComponents(parts.objective, actions, parts.reward, parts.juror)


def play(parts: EnvComponents, split: PreparedSplit, calls: int, batch_size: int = 2) -> list[EpisodeResult]:
    policy = Search(PolicyContext(parts, None, np.random.default_rng(0)), calls=calls, sigma=0.3)
    return list(roll_out(policy, parts, split.episodes, batch_size=batch_size, store=PhotoStore()))


@pytest.mark.parametrize("stop", [False, True])
def test_it_finds_what_the_juror_likes_within_its_budget(
    optimise: EnvComponents, split: PreparedSplit, stop: bool
) -> None:
    few, many = (play(parts_of(optimise, stop), split, calls) for calls in (3, 60))
    assert all(result.gain >= 0 for result in (*few, *many))
    assert sum(result.gain for result in many) > sum(result.gain for result in few)
    assert {result.juror_calls for result in many} == {60}
    assert all(float(result.actions[-1].split("(")[1][:-1]) > 0.5 for result in many)  # redder, as this juror likes it


def test_the_calls_that_are_counted_are_those_that_were_made(optimise: EnvComponents, split: PreparedSplit) -> None:
    before = sum(optimise.juror.batches)  # type: ignore[attr-defined]
    results = play(parts_of(optimise), split, 10)
    made = sum(optimise.juror.batches) - before  # type: ignore[attr-defined]
    # an edit that is played is scored once more by the environment, where no cache knows it
    assert made == sum(result.juror_calls + result.steps for result in results)


def test_discrete_actions_are_refused_with_what_would_do(optimise: EnvComponents) -> None:
    with pytest.raises(ApsiError, match=r"policy=search needs continuous actions: add transform=parametric"):
        Search(PolicyContext(optimise, None, np.random.default_rng(0)), calls=10, sigma=0.3)
