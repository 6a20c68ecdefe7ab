"""Agreement as the literature has it, sides and speed as they were made."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo import Ints
from apsi.preference.agreement import (
    Share,
    agreement,
    as_numbers,
    cohen_kappa,
    counts_of,
    krippendorff_alpha,
    shares_that_agree,
)
from apsi.preference.answer import Answer
from apsi.preference.folder import Comparison
from apsi.preference.pair import Pair
from tests.preference.made import answer, pair


def comparison(of: Pair, given: Answer) -> Comparison:
    sides = (of.left, of.right) if given.left == of.left.key else (of.right, of.left)
    return Comparison(given, *sides, of.split, of.source)


def said(words: Sequence[str], annotator: str = "Ann", **more: object) -> list[Comparison]:
    """What somebody said of the pairs 0, 1, 2, ..."""
    return [comparison(pair(k), answer(pair(k), word, annotator, **more)) for k, word in enumerate(words)]


def codes(*people: str) -> Ints:
    """`(units, people)` of digits, `.` where one said nothing."""
    return np.array([[-1 if word == "." else int(word) for word in person] for person in people]).T


def test_alpha_is_that_of_krippendorffs_own_examples() -> None:
    """Krippendorff, "Computing Krippendorff's alpha-reliability", 2011: sections A (0.095), B (0.692) and C (0.743)."""
    binary = codes("0100000010", "1110010000")
    assert krippendorff_alpha(counts_of(binary)) == pytest.approx(0.095, abs=0.0005)
    nominal = codes("001132224330", "101112224333")
    assert krippendorff_alpha(counts_of(nominal)) == pytest.approx(0.692, abs=0.0005)
    missing = codes("123321412...", "1233224125.3", ".3332342251.", "1233244125 1.".replace(" ", ""))
    assert krippendorff_alpha(counts_of(missing)) == pytest.approx(0.743, abs=0.0005)


def test_alpha_of_nothing_or_of_one_value_is_none() -> None:
    assert krippendorff_alpha(counts_of(codes("1..", ".1."))) is None
    assert krippendorff_alpha(counts_of(codes("11", "11"))) is None
    assert krippendorff_alpha(counts_of(codes("0101", "0101"))) == pytest.approx(1)


def test_kappa_is_that_of_hand() -> None:
    """Both yes 20, only the first 5, only the second 10, none 15: chance agrees in half, they do in 0.7."""
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx(0.4)
    assert cohen_kappa(first, first) == 1
    assert cohen_kappa(first[:3], first[:3]) is None and cohen_kappa(first[:0], first[:0]) is None


@given(st.lists(st.lists(st.integers(-1, 2), min_size=4, max_size=4), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_shares_that_agree_are_those_of_every_two_people(rows: list[list[int]]) -> None:
    counts = counts_of(np.array(rows))
    several = counts.sum(axis=1) >= 2
    by_hand = []
    for row in rows:
        given_ = [value for value in row if value >= 0]
        two = [(a, b) for i, a in enumerate(given_) for b in given_[i + 1 :]]
        if two:
            by_hand.append(sum(a == b for a, b in two) / len(two))
    assert shares_that_agree(counts[several]).tolist() == pytest.approx(by_hand)


def test_two_people_agree_whichever_side_a_version_stood_on() -> None:
    ann = said(["left", "left", "right", "tie"])
    bob = [
        comparison(pair(0), answer(pair(0), "right", "Bob", left=pair(0).right.key)),
        *said(["left", "right", "left", "tie"], "Bob")[1:],
    ]
    found = agreement(ann + bob)
    (both,) = found.between
    assert (both.agree.count, both.agree.of, found.shared, found.answered) == (2, 4, 4, 4)
    assert found.mean == 0.5 and len(found.photos) == 4


def test_skips_say_nothing_and_who_only_skips_is_there() -> None:
    found = agreement(said(["left", "skip"]) + said(["skip", "skip"], "Bob"))
    assert found.between == [] and found.mean is None and found.alpha is None
    assert [(one.name, one.answers, one.skips.value) for one in found.people] == [("Ann", 2, 0.5), ("Bob", 2, 1.0)]


def test_a_person_is_held_against_themselves_with_sides_exchanged() -> None:
    again = [
        comparison(pair(k), answer(pair(k), word, left=pair(k).right.key, is_repeat=True))
        for k, word in enumerate(["right", "right", "left", "tie", "skip"])
    ]
    (ann,) = agreement(said(["left", "left", "left", "tie", "left"]) + again).people
    assert (ann.itself.count, ann.itself.of) == (3, 4), "the skip is none; the third chose left both times"


def test_sides_ties_and_skips_are_shares_of_what_they_are_of() -> None:
    (ann,) = agreement(said(["left"] * 6 + ["right"] * 2 + ["tie"] * 2 + ["skip"] * 5)).people
    assert (ann.left, ann.ties, ann.skips) == (Share(6, 8), Share(2, 10), Share(5, 15))


def test_the_interval_of_a_share_is_exact() -> None:
    """Clopper and Pearson's for 8 of 10, as tables have it; and of all and nothing."""
    assert Share(8, 10).interval == pytest.approx((0.4439, 0.9748), abs=1e-4)
    assert Share(0, 10).interval == pytest.approx((0, 0.3085), abs=1e-4)
    assert Share(0, 0).interval is None and Share(0, 0).value is None


def test_what_came_too_fast_is_held_against_the_rest_and_what_nobody_measured_is_not_fast() -> None:
    hasty = said(["left", "left", "left", "left"], "Hasty", milliseconds=150)
    rest = [*said(["left", "right"]), *said(["left", "right"], "Bob"), *said(["left", "right", "left"], "Cleo")]
    rest += [comparison(pair(2), answer(pair(2), "right", "Dora"))]
    found = {one.name: one for one in agreement(hasty + rest).people}
    assert found["Hasty"].fast == Share(4, 4)
    assert found["Hasty"].fast_agrees == Share(1, 2), "of the third pair there is no most, of the fourth nobody else"
    assert found["Ann"].fast == Share(0, 2) and found["Ann"].seconds == 1.5
    (imported,) = agreement(said(["left"] * 3, milliseconds=0)).people
    assert imported.seconds is None and imported.fast.value is None
    (slower,) = agreement(said(["left"], milliseconds=150), fast_below=100).people
    assert slower.fast == Share(0, 1)


def test_numbers_have_no_names() -> None:
    numbers = as_numbers(agreement(said(["left"]) + said(["left"], "Bob")))
    assert numbers["people"] == 2 and numbers["agreement"] == 1 and "Bob" not in str(numbers)
    assert as_numbers(agreement([]))["agreement"] is None
