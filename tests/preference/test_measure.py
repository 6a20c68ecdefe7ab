"""What is measured of a model of a person, and what can be reached."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.juror.davidson import LEFT, RIGHT, TIE
from apsi.preference.answered import outcomes_of
from apsi.preference.folder import Comparison
from apsi.preference.measure import areas, calibration_error, ceiling, correct, larger, rate, reliability, tie_rate
from tests.preference.fitted import made_answers
from tests.preference.made import answer, pair


def compared(photo: int, said: str, swapped: bool = False, left: float = 0.6) -> Comparison:
    shown = pair(photo, left=left)
    sides = (shown.right, shown.left) if swapped else (shown.left, shown.right)
    return Comparison(answer(shown, said, is_repeat=swapped), *sides, "train", "anchors")


def test_outcomes_and_people_are_counted_from_answers() -> None:
    both = [compared(0, "left"), compared(1, "tie"), compared(2, "right")]
    outcomes, people, names = outcomes_of(both)
    assert outcomes.tolist() == [LEFT, TIE, RIGHT] and names == ("Ann",) and not people.any()


def test_accuracy_leaves_ties_out_and_counts_half_where_nothing_is_said() -> None:
    answered = replace(made_answers(4), outcomes=np.array([LEFT, RIGHT, TIE, LEFT]))
    assert correct(np.array([1.0, 1.0, 5.0, 0.0]), answered).tolist() == [1, 0, 0.5]
    found = rate(correct(np.array([1.0, 1.0, 5.0, 0.0]), answered), answered)
    assert found.share == 0.5 and found.answers == 3 and found.interval is not None
    assert tie_rate(answered).share == 0.25


def test_the_larger_one_wins_by_area_and_says_nothing_of_equals() -> None:
    shares = areas([compared(0, "left"), compared(1, "left", swapped=True), compared(2, "left", left=0.899)])
    assert shares[0] == pytest.approx([0.36, 0.81]) and shares[1] == pytest.approx([0.81, 0.36])
    assert np.sign(larger(shares)).tolist() == [-1, 1, 0]


def test_who_says_the_opposite_each_second_time_can_be_predicted_no_better_than_a_coin() -> None:
    steady = [compared(i, "left", swapped) for i in range(12) for swapped in (False, True)]  # the side, not the version
    found = ceiling(steady)
    assert found.repeats == 12 and found.agreement is not None and found.agreement.share == 0
    assert found.accuracy == 0.5
    same = [compared(i, "right" if swapped else "left", swapped) for i in range(12) for swapped in (False, True)]
    assert ceiling(same).accuracy == 1
    assert ceiling(same[:6]).accuracy is None, "few repeats say nothing"


def test_the_ceiling_is_that_of_answers_that_are_right_with_one_probability() -> None:
    rng, p = np.random.default_rng(0), 0.8
    said = [("left" if rng.random() < p else "right", "right" if rng.random() < p else "left") for _ in range(800)]
    both = [compared(i, one, k == 1) for i, pair_ in enumerate(said) for k, one in enumerate(pair_)]
    assert ceiling(both).accuracy == pytest.approx(p, abs=0.03)


def test_probabilities_that_are_right_lie_on_the_line() -> None:
    rng = np.random.default_rng(1)
    margins = rng.normal(0, 2, 3000)
    outcomes = np.where(rng.random(3000) < 1 / (1 + np.exp(-margins)), LEFT, RIGHT)
    answered = replace(made_answers(3000), outcomes=outcomes)
    bins = reliability(margins, answered)
    assert len(bins) == 8 and sum(one.answers for one in bins) == 3000
    assert calibration_error(bins) < 0.03 < calibration_error(reliability(3 * margins, answered))
