"""Edits that the agent proposes, verified by the juror before they are made."""

import numpy as np
import pytest

from apsi.agent.ask import ChangePrediction, TrainedAgent
from apsi.env.core import EnvComponents
from apsi.errors import ApsiError
from apsi.juror.odds import log_odds, score_of
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import PolicyContext
from apsi.policy.expected_improvement import ExpectedImprovement
from apsi.policy.rollout import EpisodeResult, roll_out

CERTAIN = np.zeros((4, 4))
SURE = np.eye(4) * 1e-4


def play(
    parts: EnvComponents,
    split: PreparedSplit,
    changes: list[float],
    covariance: np.ndarray,
    *,
    min_improvement: float = 0.05,
) -> list[EpisodeResult]:
    """With an agent that expects the same changes of every photo."""
    agent = TrainedAgent(
        lambda *_: (np.zeros(1), None),
        None,
        lambda photos: ChangePrediction(np.tile(changes, (len(photos), 1)), covariance),
    )
    policy = ExpectedImprovement(
        PolicyContext(parts, agent, np.random.default_rng(0)), min_improvement=min_improvement, step_correlation=0.7
    )
    return list(roll_out(policy, parts, split.episodes, batch_size=2, store=PhotoStore()))


def test_it_never_ends_below_where_it_began(optimise: EnvComponents, split: PreparedSplit) -> None:
    for result in play(optimise, split, [1.0, 1.0, 1.0, 1.0], SURE):
        assert result.gain >= 0


def test_the_juror_is_asked_about_every_step_taken_and_every_edit_refused(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    asked = len(optimise.juror.batches)  # type: ignore[attr-defined]
    results = play(optimise, split, [1.0, 1.0, 1.0, 1.0], CERTAIN)
    batches = optimise.juror.batches[asked:]  # type: ignore[attr-defined]
    # an edit that is taken is scored once more by the environment; a cache knows it then
    assert sum(r.juror_calls for r in results) == sum(batches) - sum(r.steps for r in results)


def test_an_edit_that_promises_too_little_is_not_scored(optimise: EnvComponents, split: PreparedSplit) -> None:
    for result in play(optimise, split, [-1.0, -1.0, -1.0, -1.0], SURE):
        assert (result.steps, result.juror_calls, result.gain) == (0, 0, 0)


def test_the_most_promising_edit_is_scored_first(restore: EnvComponents, split: PreparedSplit) -> None:
    """The first two photos had red and blue swapped, which is action 3."""
    results = play(restore, split, [-1.0, -1.0, -1.0, 1.0], SURE)
    assert [(r.actions, r.juror_calls) for r in results[:2]] == [(("swap_rb",), 1)] * 2


def test_a_negative_prediction_error_lowers_what_correlates_with_it_and_raises_its_opposite(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    """Inverting green brings nothing; invert_r goes with it, swap_rb against it: swap_rb is next."""
    covariance = np.array([[4, 3.9, 0, -3.9], [3.9, 4, 0, -3.9], [0, 0, 0.01, 0], [-3.9, -3.9, 0, 4]])
    results = play(restore, split, [1.9, 2.0, -3.0, 0.0], covariance)
    assert [(r.actions, r.juror_calls) for r in results[:2]] == [(("swap_rb",), 2)] * 2


def test_an_agent_that_predicts_no_changes_is_refused(restore: EnvComponents) -> None:
    agent = TrainedAgent(lambda *_: (np.zeros(1), None), None)
    with pytest.raises(ApsiError, match=r"policy=expected_improvement needs .* algo=afterstate"):
        ExpectedImprovement(
            PolicyContext(restore, agent, np.random.default_rng(0)), min_improvement=0.1, step_correlation=0.5
        )


def test_log_odds_and_scores_are_inverse() -> None:
    scores = np.linspace(0.05, 9.95, 50)
    np.testing.assert_allclose(score_of(log_odds(scores)), scores)
    assert log_odds(np.array([0.0, 5.0, 10.0])).tolist() == pytest.approx([-6.9068, 0, 6.9068], abs=1e-4)
