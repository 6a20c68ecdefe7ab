"""How scores are distributed."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.preprocess.statistics import score_statistics, statistics_of
from apsi.preprocess.steps import Prepared


@given(st.lists(st.floats(0, 10), min_size=2, max_size=60))
def test_figures_are_those_of_the_scores(scores: list[float]) -> None:
    found = statistics_of(scores)
    assert found["count"] == len(scores)
    assert found["mean"] == pytest.approx(statistics.fmean(scores), abs=1e-9)
    assert found["spread"] == pytest.approx(statistics.pstdev(scores), abs=1e-6)
    assert (found["min"], found["max"]) == (min(scores), max(scores))
    assert found["q50"] == pytest.approx(statistics.median(scores), abs=1e-9)
    assert found["min"] <= found["q05"] <= found["q25"] <= found["q75"] <= found["q95"] <= found["max"]


def test_no_scores_have_no_figures_but_their_number() -> None:
    assert statistics_of([]) == {"count": 0}


def test_an_original_counts_once_however_many_degraded_versions_it_has(whole: Prepared) -> None:
    split = whole.load("train")
    found = score_statistics({"train": split})["train"]
    assert found["original"]["count"] == len({episode.original for episode in split.episodes})
    assert found["degraded"]["count"] == len(split.episodes) > found["original"]["count"]
    assert found["degraded"]["mean"] == pytest.approx(np.mean([episode.start_score for episode in split.episodes]))
    assert found["degraded"]["mean"] < found["original"]["mean"]


def test_the_seconds_of_every_step_are_known_and_no_part_of_what_is_prepared(whole: Prepared) -> None:
    assert list(whole.seconds) == ["resize", "split", "enlarge", "annotate", "fit_juror", "score", "degrade"]
    assert all(seconds >= 0 for seconds in whole.seconds.values()) and whole.seconds["resize"] > 0
    assert not list(whole.folder.rglob("*timings*"))
