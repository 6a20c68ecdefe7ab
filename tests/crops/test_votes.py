"""Votes on pairs: sizes that follow from the crops, sides that can be swapped, and the published file."""

import json
from pathlib import Path

import numpy as np
import pytest

from apsi.crops.fcdb import read_ranking
from apsi.crops.votes import Votes
from apsi.errors import ApsiError

FCDB = Path(__file__).parents[3] / "shared" / "fcdb" / "ranking_annotation.json"


def ranking(path: Path, sides: tuple[float, ...]) -> Path:
    """A photo of 1000 x 500 with a crop of each size, compared in turn."""
    crops = [[10, 20, round(1000 * side), round(500 * side)] for side in sides]
    pairs = [
        {"crop_0": crops[i - 1], "crop_1": crops[i], "vote_for_0": i % 6, "vote_for_1": 5 - i % 6}
        for i in range(len(crops))
    ]
    path.write_text(json.dumps([{"url": "https://example.org/a.jpg", "crops": pairs}]))
    return path


def test_the_size_of_a_photo_follows_from_its_crops(tmp_path: Path) -> None:
    (photo,) = read_ranking(ranking(tmp_path / "crops.json", (0.5, 0.6, 0.7, 0.8)))
    last = photo.boxes[photo.pairs[-1, 1]]
    np.testing.assert_allclose(last, [0.01, 0.04, 0.81, 0.84])


def test_other_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"a\.jpg have longer sides of .* its size does not follow"):
        read_ranking(ranking(tmp_path / "crops.json", (0.5, 0.6, 0.8)))


def test_votes_know_sizes_and_majorities(tmp_path: Path) -> None:
    votes = Votes.of(read_ranking(ranking(tmp_path / "crops.json", (0.5, 0.6, 0.7, 0.8))))
    assert len(votes) == 4
    assert votes.second_larger.tolist() == [False, True, True, True]  # the first pair is 0.8 against 0.5
    assert votes.second_won.tolist() == [True, True, True, False]
    assert not votes.same_size.any() and votes.decided.all()
    assert votes.swapped.second_won.tolist() == [False, False, False, True]
    assert votes[votes.second_won].counts.tolist() == [[0, 5], [1, 4], [2, 3]]


@pytest.mark.slow
@pytest.mark.skipif(not FCDB.is_file(), reason="../shared/fcdb is not here")
def test_the_published_votes() -> None:
    photos = read_ranking(FCDB)
    votes = Votes.of(photos)
    assert (len(photos), len(votes), set(votes.counts.sum(axis=1))) == (3362, 33620, {5})
    assert not votes.swapped.second_larger.any()  # the second is never the smaller one
    assert votes.second_won[~votes.same_size].mean() == pytest.approx(0.759, abs=5e-4)
    assert votes.second_won[votes.same_size].mean() == pytest.approx(0.573, abs=5e-4)
    larger_or_coin = np.where(votes.same_size, 0.5, votes.second_larger == votes.second_won)
    assert larger_or_coin.mean() == pytest.approx(0.693, abs=5e-4)
    areas = np.concatenate([(photo.boxes[:, 2:] - photo.boxes[:, :2]).prod(axis=1) for photo in photos])
    assert areas.min() == pytest.approx(0.25, abs=0.005) and areas.max() == pytest.approx(0.64, abs=0.005)
