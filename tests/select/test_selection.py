"""Choosing pairs: at random the first that come, by disagreement those in most doubt."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.juror.preference import Preference
from apsi.pairs.base import Candidate
from apsi.photo import Floats
from apsi.select.selection import Disagreement, Half, Random, SelectContext, Selection
from tests.preference.made import version

JUROR: Any = SimpleNamespace(is_fitted=True, path="x.npz")


def information(juror: Preference, candidates: Sequence[Candidate]) -> Floats:
    return np.array([int(first.name.removesuffix(".jpg")) % 7 for first, *_ in candidates], np.float64)


CONTEXT = SelectContext(information, 0)


def candidates(count: int = 100) -> Iterator[Candidate]:
    return ((version(i), version(i, "warmth"), "train") for i in range(count))


def numbers(chosen: list[Candidate]) -> list[int]:
    return [int(first.name.removesuffix(".jpg")) for first, *_ in chosen]


def test_at_random_the_first_are_chosen() -> None:
    assert numbers(Random().choose(candidates(), 4, CONTEXT)) == [0, 1, 2, 3]


def test_by_disagreement_those_in_most_doubt_out_of_a_pool() -> None:
    assert numbers(Disagreement(JUROR, 4).choose(candidates(), 4, CONTEXT)) == [6, 13, 5, 12]
    assert Disagreement(JUROR, 4).choose(candidates(0), 4, CONTEXT) == []


def test_half_takes_turns_and_no_pair_twice() -> None:
    chosen = numbers(Half(JUROR, 4).choose(candidates(), 5, CONTEXT))
    assert chosen == [0, 6, 1, 5, 2]
    assert numbers(Half(JUROR, 4).choose(candidates(2), 5, CONTEXT)) == [0, 1]


@pytest.mark.parametrize("kind", [Disagreement, Half])
def test_a_model_that_is_not_there_is_told_before_anything_is_looked_at(kind: type[Disagreement]) -> None:
    with pytest.raises(ApsiError, match=r"select\.juror\.path=x\.npz is not there"):
        kind(SimpleNamespace(is_fitted=False, path="x.npz"), 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("selection", [Random(), Disagreement(JUROR, 4), Half(JUROR, 3)], ids=repr)
@pytest.mark.parametrize("count", [1, 4, 5])
def test_no_more_candidates_are_made_than_it_says(selection: Selection, count: int) -> None:
    made = candidates()
    assert len(selection.choose(made, count, CONTEXT)) == count
    assert 100 - len(list(made)) == selection.looked_at(count)
