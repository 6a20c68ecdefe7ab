"""Fitting: the sign, what belongs to ties and sides, few answers, smoothing, doubt."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.juror.davidson import LEFT, RIGHT, TIE
from apsi.preference.answered import Answered, folds
from apsi.preference.fitting import PENALTIES, choose_penalty, fit_chosen, fit_linear, targets
from apsi.preference.measure import tie_rate
from apsi.preference.simulated import SimulatedPerson
from tests.preference.fitted import GROUPS, TRUE, made_answers


def agrees(answered: Answered, seed: int = 99, smoothing: float = 0.02) -> float:
    """Share of noiseless choices that the model of these answers makes."""
    head = fit_chosen(answered, smoothing, GROUPS, 0).head
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(2, 500, len(TRUE)))
    return float(((head.utility(left) > head.utility(right)) == ((left - right) @ TRUE > 0)).mean())


def test_what_a_person_prefers_is_found_and_an_inverted_person_is_the_inverse() -> None:
    answered = made_answers(300)
    assert agrees(answered) > 0.9
    inverted = replace(answered, outcomes=RIGHT - answered.outcomes)
    assert agrees(inverted) < 0.1


def test_exchanging_sides_of_all_answers_changes_nothing_but_the_bias() -> None:
    answered = made_answers(200)
    one, other = (fit_linear(some, 3.0, 0.0, GROUPS) for some in (answered, answered.swapped))
    assert one.head.weights == pytest.approx(other.head.weights, abs=1e-8)
    assert one.sides == pytest.approx(-other.sides, abs=1e-8) and one.log_ties == pytest.approx(other.log_ties)


def test_a_bias_to_a_side_is_no_part_of_the_utility() -> None:
    person = SimulatedPerson("high_contrast", side=2.0)
    fit = fit_linear(made_answers(600, person=person), 3.0, 0.0, GROUPS)
    left, _, right = person.chances(np.zeros(1))[0]
    assert fit.sides[0] == pytest.approx(np.log(left / right), abs=0.5)
    rows = np.random.default_rng(0).normal(size=(5, 5))
    one = Answered(rows, rows, np.zeros(5, np.int64), np.zeros(5, np.int64), (("a", "a"),) * 5, ("p",) * 5)
    assert not fit.margins(one, sides=False).any() and (fit.margins(one) > 1).all()


def test_each_person_has_a_bias_of_their_own() -> None:
    people = [SimulatedPerson("high_contrast", side=side) for side in (1.5, -1.5)]
    lefty, righty = (made_answers(400, seed, person) for seed, person in enumerate(people))
    both = Answered(
        np.concatenate([lefty.left, righty.left]),
        np.concatenate([lefty.right, righty.right]),
        np.concatenate([lefty.outcomes, righty.outcomes]),
        np.repeat([0, 1], 400),
        lefty.photos + righty.photos,
        lefty.pairs + righty.pairs,
    )
    fit = fit_linear(both, 3.0, 0.0, GROUPS)
    assert fit.sides[0] > 1 and fit.sides[1] < -1
    assert agrees(both) > 0.9


def test_without_answers_that_say_anything_the_prior_stays() -> None:
    random = made_answers(12, person=SimulatedPerson("high_contrast", sharpness=0.0))
    fit = fit_linear(random, PENALTIES[-1], 0.0, GROUPS)
    assert 0.1 < fit.head.weights[0] < 0.9 and np.abs(fit.head.weights[1:]).max() < 0.05


def test_many_answers_overrule_the_prior() -> None:
    against = made_answers(600, taste=np.array([-1.0, 0, 0, 0, 0]))
    assert fit_chosen(against, 0.0, GROUPS, 0).head.weights[0] < -1


def test_a_column_that_never_differs_within_a_pair_is_not_looked_at() -> None:
    answered = made_answers(100)
    same = answered.left.copy()
    same[:, 2] = 7.0
    other = answered.right.copy()
    other[:, 2] = 7.0
    head = fit_linear(replace(answered, left=same, right=other), 1.0, 0.0, GROUPS).head
    assert head.scale[2] == 0 and head.weights[2] == 0
    moved = np.zeros((2, 5))
    moved[1, 2] = 1e9
    assert head.utility(moved)[0] == head.utility(moved)[1]


def test_smoothing_takes_some_answers_for_slips_and_ties_as_they_are() -> None:
    answered = made_answers(50)
    smooth = targets(answered, 0.1)
    assert np.allclose(smooth.sum(axis=1), 1)
    assert np.allclose(smooth[answered.outcomes == LEFT], [0.9, 0, 0.1])
    assert np.allclose(smooth[answered.outcomes == TIE], [0, 1, 0])
    left, right = np.abs(answered.left), -np.abs(answered.right)
    one_sided = replace(answered, left=left, right=right, outcomes=np.zeros(50, np.int64))
    strong, mild = (np.abs(fit_linear(one_sided, 0.01, s, GROUPS).head.weights).sum() for s in (0.0, 0.1))
    assert mild < strong


def test_doubt_shrinks_with_answers() -> None:
    rows = np.random.default_rng(5).normal(size=(2, 30, 5))
    few, many = (fit_linear(made_answers(n), 1.0, 0.0, GROUPS).head.deviation(*rows).mean() for n in (20, 500))
    assert many < 0.6 * few
    head = fit_linear(made_answers(40), 1.0, 0.0, GROUPS).head
    drawn = head.draws(rows[0], 4000, np.random.default_rng(0)) - head.draws(rows[1], 4000, np.random.default_rng(0))
    assert drawn.std(axis=0) == pytest.approx(head.deviation(*rows), rel=0.1)


def test_no_photo_is_learned_from_and_measured_by() -> None:
    answered = made_answers(120)
    mixed = replace(answered, photos=tuple((f"photo {i % 40}", f"photo {(i * 7) % 40}") for i in range(120)))
    for some in (answered, mixed):
        tested = np.zeros(120, np.int64)
        for train, test in folds(some, 5, 0):
            learned = {photo for i in np.flatnonzero(train) for photo in some.photos[i]}
            assert not learned & {photo for i in np.flatnonzero(test) for photo in some.photos[i]}
            tested += test
        assert (tested == 1).all() if some is answered else (tested <= 1).all() and tested.sum() >= 12


def test_the_penalty_is_that_of_the_lowest_held_out_loss() -> None:
    chosen, losses = choose_penalty(made_answers(100), 0.02, GROUPS, 0)
    assert chosen == PENALTIES[int(np.argmin(losses))] and losses.shape == (len(PENALTIES),)


@pytest.mark.slow
def test_ties_and_sides_are_recovered_within_their_intervals() -> None:
    people = [SimulatedPerson("high_contrast", side=side, band=band) for side in (-0.6, 0.6) for band in (0.3, 0.8)]
    sides, ties = [], []
    for seed, person in enumerate(person for person in people for _ in range(6)):
        answered = made_answers(250, seed, person, photos=125)
        fit = fit_linear(answered, 3.0, 0.0, GROUPS)
        left, _, right = person.chances(np.zeros(1))[0]
        sides.append(abs(fit.sides[0] - np.log(left / right)) < 1.96 * fit.sides_sd[0])
        margins = (answered.left - answered.right) @ TRUE
        expected = person.chances(margins / np.sqrt((margins**2).mean()))[:, TIE].mean()
        low, high = tie_rate(answered).interval or (0, 0)
        ties.append(low <= expected <= high)
    assert np.mean(sides) >= 0.85 and np.mean(ties) >= 0.85


def test_of_one_photo_pairs_are_held_out_and_a_pair_shown_again_stays_with_itself() -> None:
    some = made_answers(40, photos=1)
    twice = replace(
        some, left=np.vstack([some.left[:20], some.right[:20]]), right=np.vstack([some.right[:20], some.left[:20]])
    )
    found = folds(twice, 5, 0)
    assert len(found) == 5 and np.array_equal(np.sum([test for _, test in found], axis=0), np.ones(40))
    for train, test in found:
        assert not (train & test).any() and np.array_equal(test[:20], test[20:])
