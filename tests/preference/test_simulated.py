"""Made-up people: what they are said to do is what they do."""

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.simulated import SimulatedPerson, answers_of, typical
from tests.preference.made import pair


def test_their_answers_can_be_kept_and_read_back(tmp_path: object) -> None:
    pairs = [pair(i) for i in range(40)]
    tastes = {version.key: float(version is one.right) for one in pairs for version in (one.left, one.right)}
    person = SimulatedPerson("wide_calm", sharpness=50.0, band=0.0, side=0.0)
    found = answers_of(person, pairs, typical(tastes, pairs), annotator="simulated", repeats=0.25, seed=3)
    assert len(found) == 50 and sum(one.is_repeat for one in found) == 10
    again = answers_of(person, pairs, typical(tastes, pairs), annotator="simulated", repeats=0.25, seed=3)
    assert found == again
    folder = PreferenceFolder(tmp_path)  # type: ignore[arg-type]  # a Path, as pytest gives it
    folder.add_pairs(pairs)
    folder.add_answers(found)
    comparisons = folder.comparisons(["simulated"])
    assert len(comparisons) == 50
    assert all(one.preferred is not None and tastes[one.preferred.key] == 1 for one in comparisons)
    repeats = {one.answer.pair: one.left for one in comparisons if one.answer.is_repeat}
    first = {one.answer.pair: one.left for one in comparisons if not one.answer.is_repeat}
    assert all(repeats[key] != first[key] for key in repeats), "sides are exchanged"


def test_chances_are_a_band_of_ties_around_no_difference() -> None:
    person = SimulatedPerson("wide_calm", sharpness=2.0, band=0.5, side=0.0)
    chances = person.chances(np.array([-3.0, 0.0, 3.0]))
    assert chances.sum(axis=1) == pytest.approx(1) and np.allclose(chances, chances[::-1, ::-1])
    assert chances[1, 1] > chances[0, 1] and chances[2, 0] > 0.9
    drawn = person.choose(np.zeros(4000), np.random.default_rng(0))
    assert drawn.count("tie") / 4000 == pytest.approx(chances[1, 1], abs=0.03)


def test_an_unknown_taste_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(ApsiError, match="Did you mean 'wide_calm'"):
        SimulatedPerson("wide_calmer")
