"""Networks on top of the linear head: they learn what it can't, with many answers only, and stay antisymmetric."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.juror.davidson import LEFT, RIGHT
from apsi.juror.preference_head import Head
from apsi.preference.answered import Answered
from apsi.preference.fitting import fit_linear
from apsi.preference.model import Settings
from apsi.preference.networks import networks_help, with_networks
from tests.preference.fitted import GROUPS, made_answers


def in_the_middle(count: int, seed: int = 0) -> Answered:
    """Of a person who likes a column neither low nor high."""
    answered = made_answers(count, seed)
    good = [-(side[:, 1] ** 2) for side in (answered.left, answered.right)]
    chance = 1 / (1 + np.exp(-2 * (good[0] - good[1])))
    left = np.random.default_rng(seed).random(count) < chance
    return replace(answered, outcomes=np.where(left, LEFT, RIGHT))


@pytest.mark.slow
def test_what_is_not_linear_is_learned_with_many_answers() -> None:
    answered, held = in_the_middle(500), in_the_middle(400, seed=1)
    linear = fit_linear(answered, 3.0, 0.0, GROUPS)
    deeper = with_networks(answered, linear, 0.0, 0)
    assert not deeper.head.is_linear and deeper.losses(held).mean() < linear.losses(held).mean() - 0.1


@pytest.mark.slow
def test_networks_are_chosen_where_they_help() -> None:
    answered = in_the_middle(500)
    assert networks_help(answered, 3.0, 0.0, GROUPS, 0)
    assert not Settings("auto", 0.0, 0).fit(answered, GROUPS).head.is_linear
    assert Settings("linear", 0.0, 0).fit(answered, GROUPS).head.is_linear


@pytest.mark.slow
def test_exchanging_sides_changes_the_sign_and_nothing_else() -> None:
    answered = in_the_middle(200)
    fit = with_networks(answered, fit_linear(answered, 3.0, 0.0, GROUPS), 0.0, 0)
    assert np.array_equal(fit.margins(answered, sides=False), -fit.margins(answered.swapped, sides=False))
    one = fit.head.utility(answered.left[:1])
    assert one[0] == fit.head.utility(answered.left)[0], "in any batch"
    again = Head.of(fit.head.arrays())
    assert np.array_equal(again.utility(answered.left), fit.head.utility(answered.left))
    assert (fit.head.deviation(answered.left, answered.right) > 0).all()


@pytest.mark.slow
def test_few_answers_get_a_linear_head() -> None:
    assert Settings("auto", 0.0, 0).fit(in_the_middle(60), GROUPS).head.is_linear
    assert not Settings("mlp", 0.0, 0).fit(in_the_middle(60), GROUPS).head.is_linear
