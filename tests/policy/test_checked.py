"""The agent proposes, the juror disposes."""

import numpy as np
import pytest

from apsi.env.core import Components
from apsi.errors import ApsiError
from apsi.evaluate.rollout import EpisodeResult, roll_out
from apsi.juror.odds import log_odds, score_of
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import Foresight, PolicyContext, TrainedAgent
from apsi.policy.checked import Checked

NOTHING_KNOWN = np.zeros((4, 4))
SURE = np.eye(4) * 1e-4


def play(
    parts: Components, split: PreparedSplit, changes: list[float], doubt: np.ndarray, *, price: float = 0.05
) -> list[EpisodeResult]:
    """With an agent that expects the same changes of every photo."""
    agent = TrainedAgent(
        lambda *_: (np.zeros(1), None), None, lambda photos: Foresight(np.tile(changes, (len(photos), 1)), doubt)
    )
    policy = Checked(PolicyContext(parts, agent, np.random.default_rng(0)), price=price, recall=0.7)
    return list(roll_out(policy, parts, split.episodes, batch_size=2, store=PhotoStore()))


def test_it_never_ends_below_where_it_began(optimise: Components, split: PreparedSplit) -> None:
    for result in play(optimise, split, [1.0, 1.0, 1.0, 1.0], SURE):
        assert result.gain >= 0


def test_the_juror_is_asked_about_every_step_taken_and_every_edit_refused(
    optimise: Components, split: PreparedSplit
) -> None:
    asked = len(optimise.juror.batches)  # type: ignore[attr-defined]
    results = play(optimise, split, [1.0, 1.0, 1.0, 1.0], NOTHING_KNOWN)
    batches = optimise.juror.batches[asked:]  # type: ignore[attr-defined]
    # an edit that is taken is scored once more by the environment; a cache knows it then
    assert sum(r.juror_calls for r in results) == sum(batches) - sum(r.steps for r in results)


def test_what_promises_too_little_is_not_looked_at(optimise: Components, split: PreparedSplit) -> None:
    for result in play(optimise, split, [-1.0, -1.0, -1.0, -1.0], SURE):
        assert (result.steps, result.juror_calls, result.gain) == (0, 0, 0)


def test_the_most_promising_edit_is_looked_at_first(restore: Components, split: PreparedSplit) -> None:
    """The first two photos had red and blue swapped, which is action 3."""
    results = play(restore, split, [-1.0, -1.0, -1.0, 1.0], SURE)
    assert [(r.actions, r.juror_calls) for r in results[:2]] == [(("swap_rb",), 1)] * 2


def test_a_disappointment_lowers_what_goes_with_it_and_raises_its_opposite(
    restore: Components, split: PreparedSplit
) -> None:
    """Inverting green brings nothing; invert_r goes with it, swap_rb against it: swap_rb is next."""
    doubt = np.array([[4, 3.9, 0, -3.9], [3.9, 4, 0, -3.9], [0, 0, 0.01, 0], [-3.9, -3.9, 0, 4]])
    results = play(restore, split, [1.9, 2.0, -3.0, 0.0], doubt)
    assert [(r.actions, r.juror_calls) for r in results[:2]] == [(("swap_rb",), 2)] * 2


def test_an_agent_that_foresees_nothing_is_refused(restore: Components) -> None:
    agent = TrainedAgent(lambda *_: (np.zeros(1), None), None)
    with pytest.raises(ApsiError, match=r"policy=checked needs .* algo=afterstate"):
        Checked(PolicyContext(restore, agent, np.random.default_rng(0)), price=0.1, recall=0.5)


def test_log_odds_and_scores_are_inverse() -> None:
    scores = np.linspace(0.05, 9.95, 50)
    np.testing.assert_allclose(score_of(log_odds(scores)), scores)
    assert log_odds(np.array([0.0, 5.0, 10.0])).tolist() == pytest.approx([-6.9068, 0, 6.9068], abs=1e-4)
