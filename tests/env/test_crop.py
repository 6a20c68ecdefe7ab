"""Framing: the box stays allowed, views are cut from the original, states are saved by their recipe."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.env.core import EditCore, EnvComponents
from apsi.env.crop import Framing
from apsi.env.crop_limits import CropLimits
from apsi.env.crop_state import DIMMED, CropState
from apsi.env.gym_env import PhotoEditEnv
from apsi.episodes.base import EpisodeSource, Start
from apsi.errors import ApsiError
from apsi.juror.base import FramingJuror
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.box import WHOLE, Box, parse_ratio, sides_of
from apsi.reward.bonus import NoBonus
from apsi.reward.multi_objective import MultiObjective
from apsi.reward.score_difference import ScoreDifference
from apsi.state import State
from apsi.transform.action_set import DiscreteActions
from apsi.transform.crop_actions import CropAnchors, CropEdges, CropMoves
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

EDGES = CropEdges(0.05, ["gamma_up", "warmth"], stop=True)
SETS = {"edges": EDGES, "moves": CropMoves(0.05, stop=True), "anchors": CropAnchors(12, 0.5, stop=True)}
SHAPES = [(300, 400), (400, 300), (320, 320), (257, 389)]


def framing(**settings: Any) -> Framing:
    usual = {
        "max_steps": 8,
        "observation_size": [64, 64],
        "stop": True,
        "extras": [],
        "view_size": 96,
        "aspect": None,
        "min_area": 0.25,
        "max_elongation": 2.0,
        "faces": None,
    }
    return Framing(**{**usual, **settings})


def begun(photo: Photo, actions: DiscreteActions = EDGES, **settings: Any) -> CropState:
    state = framing(**settings).begin(photo, actions)
    assert isinstance(state, CropState)
    return state


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(SETS)),
    shape=st.sampled_from(SHAPES),
    aspect=st.sampled_from([None, "3:2", "1:1", "original", "9:16"]),
    path=st.lists(st.integers(0, 89), max_size=25),
)
def test_whatever_is_done_the_crop_is_allowed_and_its_recipe_cuts_it_at_every_size(
    name: str, shape: tuple[int, int], aspect: str | None, path: list[int]
) -> None:
    photo, actions = natural_photo(3, *shape), SETS[name]
    state = begun(photo, actions, aspect=aspect, min_area=0.2, view_size=64)
    start = state.box
    for action in path:
        state = state.apply(action % len(actions.transforms))
    assert state.box.area >= min(0.2, start.area) - 0.002
    height, width = photo.shape[:2]
    left, top, right, bottom = state.box.pixels(height, width, state.ratio)
    if aspect is None:
        shaped = (right - left) / (bottom - top)
        assert max(shaped, 1 / shaped) <= max(2.0, width / height, height / width) + 0.05
    else:
        for scale in (1, 7):
            x1, y1, x2, y2 = state.box.pixels(scale * height, scale * width, state.ratio)
            across, down = sides_of(parse_ratio(aspect, "aspect"), height, width)
            wide, high = x2 - x1, y2 - y1
            assert abs(high - wide * down / across) <= 1 or abs(wide - high * across / down) <= 1
    crops = [label for label in state.recipe.labels if label.startswith("crop(")]
    assert len(crops) <= 1 and state.recipe.labels[: len(crops)] == crops, "two crops are one, and it comes first"
    cut = Recipe.of(crops)(photo)
    assert cut.shape == (bottom - top, right - left, 3) and max(state.view.shape) <= 64


def test_a_view_is_cut_from_the_original_and_then_made_small() -> None:
    photo = natural_photo(4, 400, 400)
    state = begun(photo).play(Recipe.of(["crop(0.250,0.250,0.750,0.750)"]))
    fine = photo[100:300, 100:300].astype(float)
    assert state.view.shape == (96, 96, 3)
    assert np.abs(state.view.mean(axis=(0, 1)) - fine.mean(axis=(0, 1))).max() < 1
    sharp = np.abs(np.diff(state.view.astype(float), axis=0)).mean()
    copy = begun(photo).view[24:72, 24:72].repeat(2, 0).repeat(2, 1).astype(float)
    assert sharp > 1.2 * np.abs(np.diff(copy, axis=0)).mean() / 2, "an enlarged copy is blurred"


def test_the_whole_is_seen_dimmed_outside_and_the_box_can_be_told_from_it() -> None:
    photo = natural_photo(5, 320, 320)
    photo[:120] = 0  # black all over: dimming it changes nothing
    state = begun(photo)
    whole = state.observe()
    framed = state.play(Recipe.of(["crop(0.250,0.125,0.750,1.000)"]))
    seen = framed.observe()
    assert seen.shape == (3, 64, 64) and seen.dtype == np.uint8
    assert np.array_equal(seen[:, 8:, 16:48], whole[:, 8:, 16:48])
    outside = np.abs(seen[:, :, :16].astype(float) - DIMMED * whole[:, :, :16])
    assert outside.max() <= 2
    again = framing().from_observation(seen, EDGES)
    assert again.box == Box(0.25, 0.125, 0.75, 1.0)
    assert np.array_equal(again.observe(), seen)


def test_edits_show_inside_of_the_crop_and_not_outside() -> None:
    state = begun(natural_photo(6, 320, 320), min_area=0.2, view_size=64).play(
        Recipe.of(["crop(0.250,0.250,0.750,0.750)"])
    )
    edited = state.apply(EDGES.labels.index("gamma_up"))
    before, after = state.observe().astype(int), edited.observe().astype(int)
    assert np.array_equal(before[:, :, :16], after[:, :, :16]) and (after - before)[:, 16:48, 16:48].mean() > 3
    assert edited.recipe.labels == ["crop(0.250,0.250,0.750,0.750)", "gamma_up"]
    moved = edited.apply(0)
    assert moved.recipe.labels == ["crop(0.300,0.250,0.750,0.750)", "gamma_up"]


@settings(max_examples=20, deadline=None)
@given(path=st.lists(st.integers(0, 9), max_size=12), aspect=st.sampled_from([None, "3:2"]))
def test_a_state_is_restored_from_what_it_saves(path: list[int], aspect: str | None) -> None:
    first = begun(natural_photo(7, 300, 400), aspect=aspect)
    state = first
    for action in path:
        state = state.apply(action)
    again = first.restored(state.state())
    assert again.recipe == state.recipe and again.box == state.box
    assert np.array_equal(again.view, state.view) and np.array_equal(again.observe(), state.observe())
    assert np.array_equal(again.apply(0).view, state.apply(0).view)


class Same(EpisodeSource):
    """One photo again and again."""

    def __init__(self, photo: Photo) -> None:
        self._start = Start(photo, lambda: photo, 0.0, 0.0, (), "photo.jpg")

    def reseed(self, seed: int) -> None:
        """Nothing is drawn."""

    def draw(self, count: int) -> list[Start]:
        return [self._start] * count

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """Nothing to restore."""


class Rightness(FramingJuror):
    """Likes crops that begin far to the right."""

    fingerprint = "rightness"
    part_names = ("x",)

    def parts(self, framed: Any) -> dict[str, Floats]:
        return {"x": np.array([one.box.x1 for one in framed])}

    def score_framed(self, framed: Any) -> Floats:
        return 10 * self.parts(framed)["x"]


def components(**settings: Any) -> EnvComponents:
    return EnvComponents(framing(**settings), EDGES, ScoreDifference(NoBonus(planned=False)), Rightness())


def test_the_juror_gets_what_was_cut_and_looking_ahead_tells_what_steps_bring() -> None:
    core = EditCore(components(extras=["box"]), Same(natural_photo(8, 300, 400)), 2)
    core.reset()
    ahead = core.look_ahead()
    assert ahead.scores[0, 0] == pytest.approx(0.5) and ahead.scores[0, -1] == 0
    result = core.step(np.array([0, len(EDGES) - 1]))
    assert core.scores.tolist() == pytest.approx([0.5, 0]) and result.labels == [("crop_left(+0.050)",), ()]
    observed = core.observe()
    assert isinstance(observed, dict)
    assert observed["box"][0].tolist() == pytest.approx([-0.9, -1, 1, 1]) and observed["box"].shape == (2, 4)
    saved = core.state()
    other = EditCore(components(extras=["box"]), Same(natural_photo(8, 300, 400)), 2)
    other.reset()
    other.restore(saved)
    assert other.edits[0].recipe == core.edits[0].recipe
    assert np.array_equal(other.observe()["photo"], observed["photo"])  # type: ignore[index]


def test_a_first_move_of_the_crop_repeats_nothing_and_the_same_one_again_does() -> None:
    reward = MultiObjective(NoBonus(planned=False), score=0, step_cost=0, distance=0, diversity=1)
    parts = replace(components(aspect="1:1"), reward=reward)  # begins with a crop
    core, other = (EditCore(parts, Same(natural_photo(8, 300, 400)), 2) for _ in range(2))
    left, right, gamma = (
        EDGES.labels.index(label) for label in ("crop_left(+0.050)", "crop_right(+0.050)", "gamma_up")
    )
    core.reset()
    assert (core.look_ahead().rewards == 0).all()
    assert core.step(np.array([gamma, left])).rewards.tolist() == [0, 0]
    assert core.look_ahead().rewards[:, [left, right, gamma]].tolist() == [[0, 0, -1], [-1, 0, 0]]
    other.reset()
    other.restore(core.state())
    for each in (core, other):
        assert each.step(np.array([left, left])).rewards.tolist() == [0, -1]
    core.reset([1])
    assert (core.look_ahead().rewards[1] == 0).all()


def test_gymnasiums_face_shows_the_whole_with_the_crop() -> None:
    env = PhotoEditEnv(components(), Same(natural_photo(9, 300, 400)), render_mode="rgb_array")
    env.reset(seed=1)
    before = env.render()
    _, reward, *_, info = env.step(0)
    after = env.render()
    assert reward == pytest.approx(0.5) and info["recipe"] == ("crop(0.050,0.000,1.000,1.000)",)
    assert before is not None and after is not None and before.shape == after.shape and (before != after).any()


def test_no_face_is_cut_or_left_out() -> None:
    face = np.array([[0.02, 0.3, 0.2, 0.5]])
    limits = CropLimits(300, 400, None, 0.2, 2.0, face)
    box = limits.move(WHOLE, EDGES.transforms[0])
    assert box == WHOLE, "the left edge would cut it"
    assert limits.move(WHOLE, EDGES.transforms[4]) == Box(0, 0, 0.95, 1)
    square = CropLimits(300, 400, (1, 1), 0.2, 2.0, face).start()
    assert square.x1 <= 0.02, "as near to the middle as the face allows"


def test_what_can_not_be_had_is_told() -> None:
    with pytest.raises(ApsiError, match=r"env.aspect=9:16 leaves at most 0\.42 .* env.min_area=0\.6"):
        begun(natural_photo(1, 300, 400), aspect="9:16", min_area=0.6)
    with pytest.raises(ApsiError, match=r"env\.aspect=wide must be width:height"):
        framing(aspect="wide")
    with pytest.raises(ApsiError, match=r"env\.faces=hide"):
        framing(faces="hide")
    with pytest.raises(ApsiError, match="a juror can look at"):
        begun(natural_photo(1, 24, 24))
    for wrong in ({"min_area": 0.0}, {"min_area": 1.5}, {"max_elongation": 0.5}, {"view_size": 3}):
        with pytest.raises(ApsiError, match=f"env.{next(iter(wrong))}="):
            framing(**wrong)


def test_small_photos_are_not_enlarged_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        state = begun(natural_photo(1, 61, 83))
    assert max(state.view.shape) == 35 and state.view_size == 35
    assert sum("crops are not enlarged" in record.message for record in caplog.records) == 1


def test_the_first_view_is_what_an_episode_begins_with() -> None:
    photo = natural_photo(2, 300, 400)
    objective = framing(aspect="1:1")
    first, state = objective.first_view(photo), objective.begin(photo, EDGES)
    assert isinstance(first, FramedPhoto) and np.array_equal(first.photo, state.view) and first.box == state.box
    assert framing().shows != objective.shows
