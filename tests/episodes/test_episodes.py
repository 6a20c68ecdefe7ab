"""Where episodes come from: every photo, in an order that the seed decides, new ones that are worse than they were."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.episodes.base import Start
from apsi.episodes.curriculum import CurriculumEpisodes
from apsi.episodes.fresh import FreshEpisodes
from apsi.episodes.prepared import PreparedEpisodes
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.photo.write import read_png
from apsi.transform.recipe import Recipe
from tests.conftest import LABELS, Redness, context


def test_every_prepared_episode_comes_once_before_any_comes_twice(split: PreparedSplit) -> None:
    source = PreparedEpisodes(context(split))
    rounds = [tuple(start.score for start in source.draw(3)) for _ in range(6)]
    scores = sorted(episode.start_score for episode in split.episodes)
    assert all(sorted(order) == scores for order in rounds)
    assert len(set(rounds)) > 1


@pytest.mark.parametrize("kind", [PreparedEpisodes, lambda c: FreshEpisodes(c, 0.5)], ids=["prepared", "fresh"])
def test_the_episodes_depend_on_the_seed_only(kind, split: PreparedSplit) -> None:  # type: ignore[no-untyped-def]
    drawn = []
    for seed in (1, 1, 2):
        source = kind(context(split, seed=9))
        source.draw(2)
        source.reseed(seed)
        drawn.append([start.photo.tobytes() for start in source.draw(12)])
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_fresh_episode_is_a_new_part_of_an_original_made_worse(split: PreparedSplit) -> None:
    source = FreshEpisodes(context(split), 0.5)
    sizes = {source.context.store.read(episode.original).shape for episode in split.episodes}
    starts = source.draw(40)
    assert len({start.photo.tobytes() for start in starts}) == 40
    assert len({start.degradation for start in starts}) > 1
    for start in starts:
        assert start.photo.shape in sizes
        assert np.array_equal(Recipe.of(start.degradation)(start.original), start.photo)
        assert [start.score, start.target] == Redness().score([start.photo, start.original]).tolist()
        assert start.score < start.target


def test_fresh_photos_that_never_get_worse_are_an_error(split: PreparedSplit) -> None:
    class Indifferent(Redness):
        def score(self, photos):  # type: ignore[no-untyped-def]
            return np.full(len(photos), 5.0)

    made = context(split)
    source = FreshEpisodes(type(made)(made.split, made.degradation, Indifferent(), made.store, made.rng), 0.5)
    with pytest.raises(ApsiError, match="choose another degradation or juror"):
        source.draw(2)
    source.context = replace(source.context, keep_all=True)
    assert [start.score for start in source.draw(2)] == [5.0, 5.0]


def test_the_curriculum_gets_harder_with_success_and_not_before(split: PreparedSplit) -> None:
    source = CurriculumEpisodes(context(split), min_scale=0.5, labels=LABELS, n_max=2, success_rate=0.5, window=4)
    assert {len(source.recipe()) for _ in range(30)} == {1}
    source.on_episode_end(np.array([True, True, False]))
    assert source.level == 1  # the window is not full
    source.on_episode_end(np.array([False, False]))
    assert source.level == 1  # 1 of the last 4
    source.on_episode_end(np.array([True]))
    source.on_episode_end(np.array([True]))
    assert source.level == 2
    assert {len(source.recipe()) for _ in range(30)} == {1, 2}
    source.on_episode_end(np.array([True] * 8))
    assert source.level == 2


def test_a_new_seed_takes_the_curriculum_back_to_its_beginning(split: PreparedSplit) -> None:
    source = CurriculumEpisodes(context(split), min_scale=0.5, labels=LABELS, n_max=3, success_rate=0.5, window=4)
    source.reseed(5)
    first = [start.photo.tobytes() for start in source.draw(8)]
    source.on_episode_end(np.array([True] * 6))
    assert source.level == 2
    source.reseed(5)
    assert source.level == 1
    assert [start.photo.tobytes() for start in source.draw(8)] == first
    source.on_episode_end(np.array([True, True]))
    assert source.level == 1  # what was before the seed counts no more


def test_an_impossible_scale_is_an_error(split: PreparedSplit) -> None:
    with pytest.raises(ApsiError, match=r"episodes\.min_scale"):
        instantiate(load_config(["episodes=fresh", "episodes.min_scale=0"]).episodes, context=context(split))


def test_originals_are_read_when_they_are_asked_for(split: PreparedSplit) -> None:
    """Most rewards never ask, and reading a photo takes as long as many edits."""
    given = context(split)
    [start] = PreparedEpisodes(given).draw(1)
    [episode] = [e for e in split.episodes if e.source == start.source]
    assert set(given.store._held) == {episode.photo}
    assert (start.original == read_png(episode.original)).all()
    again = Start.restored(start.state())
    assert (again.original == start.original).all() and again.degradation == start.degradation


def test_parts_can_be_turned_and_keep_the_size_of_their_photo(split: PreparedSplit) -> None:
    plain, turned = (FreshEpisodes(context(split), 1.0, turns=turns) for turns in (False, True))
    assert {photo.shape for photo in (turned.cut() for _ in range(40))} == {(40, 50, 3), (64, 64, 3), (41, 37, 3)}
    for source, ways in ((plain, 2), (turned, 8)):  # as it is and mirrored, each turned by four quarters
        cuts = [source.cut() for _ in range(200)]
        assert len({photo.tobytes() for photo in cuts if photo.shape == (64, 64, 3)}) == ways
        assert len({photo.tobytes() for photo in cuts if photo.shape == (40, 50, 3)}) == min(ways, 4)


def test_a_share_of_fresh_photos_is_not_degraded_and_the_rest_as_without_it(split: PreparedSplit) -> None:
    source = FreshEpisodes(replace(context(split), keep_all=True), 0.5, undegraded=0.3)
    starts = source.draw(300)
    left = [start for start in starts if not start.degradation]
    assert 60 < len(left) < 120
    assert all((start.photo == start.original).all() and start.score == start.target for start in left)
    assert all((start.photo != start.original).any() for start in starts if start.degradation)
    with pytest.raises(ApsiError, match=r"episodes\.undegraded=1\.5"):
        FreshEpisodes(context(split), 0.5, undegraded=1.5)
