"""What pairs are made of: the same for the same seed, whatever other photos are there, each pair once, told apart."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.pairs.agents import AgentVsAgent, AgentVsStart
from apsi.pairs.anchors import Anchors, overlap
from apsi.pairs.base import Candidate, PairContext, PairSource, SortedPhoto
from apsi.pairs.making import next_round, unknown, with_sides
from apsi.pairs.photos import Photos
from apsi.pairs.recipes import Recipes
from apsi.photo import Photo
from apsi.photo.box import WHOLE, Box
from apsi.preference.pair import Pair
from apsi.transform.adjust import Adjust
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

PHOTOS = [SortedPhoto(f"{i:064x}", f"{i}.jpg", ("train", "train", "val", "test")[i % 4]) for i in range(8)]
STRENGTHS = {"exposure": 0.5, "contrast": 0.4, "temperature": 1.0}
ANCHORS = Anchors(bins=12, min_area=0.3, max_overlap=0.8, whole=0.2, same_shape=False)
RECIPES = Recipes(STRENGTHS, max_steps=2, untouched=0.2, least=0.3)
SOURCES: list[PairSource] = [ANCHORS, Anchors(12, 0.3, 0.8, 0.2, same_shape=True), RECIPES, Photos()]


def context(photos: list[SortedPhoto] = PHOTOS, seed: int = 1, **more: Any) -> PairContext:
    values: dict[str, Any] = {"read": lambda photo: natural_photo(0), "editors": (), "seed": seed}
    return PairContext(photos, **(values | more))


def keys(candidates: list[Candidate]) -> list[tuple[str, str]]:
    return [(first.key, second.key) for first, second, _ in candidates]


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_candidates_are_the_same_for_the_same_seed_and_others_for_another(source: PairSource) -> None:
    first, again, other = (keys(list(islice(source.candidates(context(seed=s)), 40))) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_every_photo_comes_in_its_split_as_often_as_the_others_and_no_pair_twice(source: PairSource) -> None:
    found = list(islice(source.candidates(context()), 24))
    assert len({frozenset(pair) for pair in keys(found)}) == len(found)
    assert all(first.key != second.key for first, second, _ in found)
    of = {photo.hash: photo for photo in PHOTOS}
    assert all(of[first.photo].split == of[second.photo].split == split for first, second, split in found)
    if not isinstance(source, Photos):
        assert all(first.photo == second.photo for first, second, _ in found)
        assert [first.photo for first, *_ in found] == [photo.hash for photo in PHOTOS] * 3


def test_a_photos_pairs_do_not_depend_on_the_others() -> None:
    alone = keys(list(islice(ANCHORS.candidates(context(PHOTOS[3:4])), 3)))
    among = [c for c in islice(ANCHORS.candidates(context()), 24) if c[0].photo == PHOTOS[3].hash]
    assert alone == keys(among)


def box_of(labels: tuple[str, ...]) -> Box:
    if not labels:
        return WHOLE
    (crop,) = Recipe.of(labels)
    assert isinstance(crop, Crop)
    return crop.box


@pytest.mark.parametrize("same_shape", [False, True])
def test_crops_are_large_enough_and_can_be_told_apart(same_shape: bool) -> None:
    source = Anchors(12, 0.3, 0.7, 0.3, same_shape)
    found = list(islice(source.candidates(context()), 400))
    boxes = [(box_of(first.recipe), box_of(second.recipe)) for first, second, _ in found]
    assert all(box.area >= 0.299 for pair in boxes for box in pair)
    assert all(overlap(*pair) <= 0.7 for pair in boxes)
    assert 0.15 < np.mean([WHOLE in pair for pair in boxes]) < 0.45
    if same_shape:
        assert all(box.width == pytest.approx(box.height, abs=0.002) for pair in boxes for box in pair)


@settings(max_examples=20, deadline=None)
@given(steps=st.integers(1, 5), least=st.floats(0.05, 0.9), seed=st.integers(0, 1000))
def test_edits_stay_within_their_strengths_and_differ_enough(steps: int, least: float, seed: int) -> None:
    source = Recipes(STRENGTHS, steps, 0.3, least)
    for first, second, _ in islice(source.candidates(context(seed=seed)), 20):
        strengths = []
        for version in (first, second):
            edits = [transform for transform in version.steps if isinstance(transform, Adjust)]
            assert len(edits) == len(version.recipe) <= steps
            assert all(abs(edit.strength) <= STRENGTHS[edit.name] for edit in edits)
            strengths.append({edit.name: edit.strength for edit in edits})
        differences = [abs(strengths[0].get(n, 0) - strengths[1].get(n, 0)) / most for n, most in STRENGTHS.items()]
        assert max(differences) >= least - 1e-9


def test_an_adjustment_that_is_none_is_named() -> None:
    with pytest.raises(ApsiError, match="Did you mean 'exposure'"):
        Recipes({"exposur": 0.5}, 1, 0, 0.1)
    with pytest.raises(ApsiError, match="names no adjustment"):
        Recipes({}, 1, 0, 0.1)


def test_photos_are_compared_within_their_split_only_and_two_are_needed() -> None:
    few = [PHOTOS[0], PHOTOS[2]]
    with pytest.raises(ApsiError, match="no split has two"):
        next(Photos().candidates(context(few)))
    assert len(list(Photos().candidates(context([*few, PHOTOS[1]])))) == 1


class Fixed:
    """An editor that does the same to all photos."""

    size = 32, "square"

    def __init__(self, *labels: str) -> None:
        self.labels, self.sizes = labels, list[tuple[int, ...]]()

    def decide(self, photos: list[Photo]) -> list[Any]:
        self.sizes += [photo.shape for photo in photos]
        return [type("Decision", (), {"recipe": Recipe.of(self.labels)}) for _ in photos]


def agents(source: PairSource, *editors: Fixed, read: Callable[[SortedPhoto], Photo | None]) -> list[Candidate]:
    assert len(source.checkpoints) == len(editors)
    return list(source.candidates(context(editors=editors, read=read)))


def test_an_agent_is_shown_against_the_start_where_it_does_something() -> None:
    editor = Fixed("warmth")
    found = agents(AgentVsStart(), editor, read=lambda p: None if p is PHOTOS[2] else natural_photo(0))
    assert [first.photo for first, *_ in found] == [p.hash for p in PHOTOS if p is not PHOTOS[2]]
    assert all((first.recipe, second.recipe) == (("warmth",), ()) for first, second, _ in found)
    assert set(editor.sizes) == {(32, 32, 3)}
    assert agents(AgentVsStart(), Fixed(), read=lambda p: natural_photo(0)) == []


def test_two_agents_are_shown_where_they_differ() -> None:
    found = agents(AgentVsAgent("b.zip"), Fixed("warmth"), Fixed(), read=lambda p: natural_photo(0))
    assert [(first.recipe, second.recipe) for first, second, _ in found] == [(("warmth",), ())] * len(PHOTOS)
    assert agents(AgentVsAgent("b.zip"), Fixed("warmth"), Fixed("warmth"), read=lambda p: natural_photo(0)) == []
    with pytest.raises(ApsiError, match=r"pairs\.other=PATH"):
        AgentVsAgent(None)


def test_sides_are_drawn_and_known_pairs_left_out() -> None:
    found = list(islice(ANCHORS.candidates(context()), 200))
    pairs = with_sides(found, "anchors", {"round": 3}, seed=5)
    assert pairs == with_sides(found, "anchors", {"round": 3}, seed=5)
    kept = sum(pair.left == first for pair, (first, *_) in zip(pairs, found, strict=True))
    assert 70 < kept < 130
    assert next_round(pairs) == 4 and next_round([]) == 1
    known = {pair.id: pair for pair in pairs[:150]}
    rest = list(unknown(iter([*found, *found]), known))
    assert [Pair(*c, "").id for c in rest] == [pair.id for pair in pairs[150:]]
