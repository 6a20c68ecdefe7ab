"""Edit states: every way to an edit gives the same photo, nothing earlier changes, and what is saved comes back."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EditCore, EnvComponents
from apsi.env.edit_state import PixelEdits, observe
from apsi.env.optimise import Optimise
from apsi.episodes.base import EpisodeSource, Start
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.resample import resample
from apsi.reward.bonus import NoBonus
from apsi.reward.score_difference import ScoreDifference
from apsi.state import read_state, write_state
from apsi.transform.action_set import ActionSet, DiscreteActions
from apsi.transform.parametric import ParametricActions
from apsi.transform.recipe import Recipe
from tests.conftest import LABELS, Redness, natural_photo

CONF = Path(__file__).parents[2] / "conf"
SIZE = (36, 40)
DISCRETE = DiscreteActions(
    [*LABELS, "shift_right_all", "crop_1_1", "exposure(+0.350)", "contrast_up_strong"], stop=True
)
CONTINUOUS = ParametricActions(["exposure", "saturation", "blur_sharpen"], 1, 0.1)

edits = st.lists(st.integers(0, len(DISCRETE.transforms) - 1), max_size=4)
strengths = st.lists(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), max_size=3)
sizes = st.tuples(st.integers(20, 50), st.integers(20, 50))


def edited(photo: Photo, actions: ActionSet, path: list) -> list[PixelEdits]:  # type: ignore[type-arg]
    """The states of an episode, the first among them."""
    states = [PixelEdits.begin(photo, actions, SIZE)]
    for action in path:
        states.append(states[-1].apply(np.asarray(action)))
    return states


@settings(max_examples=15, deadline=None)
@given(size=sizes, path=edits)
def test_all_outcomes_at_once_are_those_of_each_action(size: tuple[int, int], path: list[int]) -> None:
    state = edited(natural_photo(1, *size), DISCRETE, path)[-1]
    outcomes = state.outcomes()
    assert len(outcomes) == len(DISCRETE) - 1  # all but STOP
    for action, outcome in enumerate(outcomes):
        alone = state.apply(action)
        assert np.array_equal(outcome.view, alone.view)
        assert outcome.recipe == alone.recipe
        assert np.array_equal(outcome.observe(), alone.observe())


@settings(max_examples=15, deadline=None)
@given(size=sizes, path=edits, vectors=strengths)
def test_the_recipe_replayed_on_the_original_gives_the_view(
    size: tuple[int, int], path: list[int], vectors: list[list[float]]
) -> None:
    photo = natural_photo(2, *size)
    for actions, taken in ((DISCRETE, path), (CONTINUOUS, vectors)):
        for state in edited(photo, actions, taken):
            assert state.original is photo
            assert np.array_equal(Recipe.from_json(state.recipe.to_json())(photo), state.view)


@settings(max_examples=15, deadline=None)
@given(path=edits, vectors=strengths)
def test_an_edit_changes_neither_the_original_nor_an_earlier_state(path: list[int], vectors: list[list[float]]) -> None:
    photo = natural_photo(3)
    before = photo.copy()
    for actions, taken in ((DISCRETE, path), (CONTINUOUS, vectors)):
        states = edited(photo, actions, taken)
        copies = [(state.view.copy(), state.recipe) for state in states]
        edited_again = [outcome for state in states if actions is DISCRETE for outcome in state.outcomes()]
        observe([*states, *edited_again])
        assert np.array_equal(photo, before)
        for state, (view, recipe) in zip(states, copies, strict=True):
            assert np.array_equal(state.view, view) and state.recipe == recipe


@settings(max_examples=15, deadline=None)
@given(path=edits, vectors=strengths)
def test_a_state_that_was_written_down_goes_on_alike(path: list[int], vectors: list[list[float]]) -> None:
    photo = natural_photo(4)
    for actions, taken, action in ((DISCRETE, path, 3), (CONTINUOUS, vectors, [0.5, -0.2, 0])):
        state, file = edited(photo, actions, taken)[-1], io.BytesIO()
        write_state(file, state.state())
        file.seek(0)
        restored = PixelEdits.begin(photo, actions, SIZE).restored(read_state(file))
        for one, other in ((restored, state), (restored.apply(np.asarray(action)), state.apply(np.asarray(action)))):
            assert np.array_equal(one.view, other.view)
            assert one.recipe == other.recipe
            assert np.array_equal(one.observe(), other.observe())


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"recipe": []}, KeyError),
        ({"photo": np.zeros((4, 4), np.uint8), "recipe": []}, ValueError),
        ({"photo": np.zeros((4, 4, 3), np.uint8), "recipe": ["sharpest"]}, ApsiError),
    ],
)
def test_a_state_that_does_not_fit_is_refused(broken: dict, error: type[Exception]) -> None:  # type: ignore[type-arg]
    with pytest.raises(error):
        PixelEdits.begin(natural_photo(0), DISCRETE, SIZE).restored(broken)


def test_an_observation_has_the_size_asked_for_whatever_was_cut_off() -> None:
    states = edited(natural_photo(5), DISCRETE, [5, 3])
    observations = observe(states)
    assert observations.shape == (3, 3, *SIZE)
    assert observations.flags.c_contiguous  # networks compute the same, to the last bit, in one layout only
    for state, observation in zip(states, observations, strict=True):
        assert np.array_equal(observation.transpose(1, 2, 0), resample(state.view, SIZE[1], SIZE[0]))


def test_edits_are_made_on_an_observation_as_on_a_photo() -> None:
    observation = np.random.default_rng(0).integers(0, 256, (3, 40, 50), dtype=np.uint8)
    state = PixelEdits.of_observation(observation, DISCRETE)
    assert np.array_equal(state.observe(), observation)
    photo = observation.transpose(1, 2, 0)
    for transform, outcome in zip(DISCRETE.transforms, state.outcomes(), strict=True):
        assert np.array_equal(transform(photo), outcome.view)
        assert outcome.observe().shape == observation.shape


def test_continuous_actions_have_no_list_of_outcomes() -> None:
    with pytest.raises(ApsiError, match="needs discrete actions"):
        PixelEdits.begin(natural_photo(0), CONTINUOUS, SIZE).outcomes()


def test_an_environment_may_edit_in_a_way_of_its_own() -> None:
    """What `Objective.begin` makes is what the core asks for everything: here, edits that show the agent a frame."""

    class Framed(PixelEdits):
        def observe(self) -> np.ndarray:
            framed = super().observe().copy()
            framed[:, :4] = 0
            return framed

    @dataclass(frozen=True)
    class WithFrame(Optimise):
        def begin(self, photo: Photo, actions: ActionSet) -> Framed:
            return Framed.begin(photo, actions, self.observation_size)

    class One(EpisodeSource):
        def __init__(self) -> None:
            pass

        def draw(self, count: int) -> list[Start]:
            photo = natural_photo(6)
            return [Start(photo, lambda: photo, 5.0, 6.0, ()) for _ in range(count)]

    objective = WithFrame(3, list(SIZE), stop=True, extras=[])
    core = EditCore(EnvComponents(objective, DISCRETE, ScoreDifference(NoBonus(planned=False)), Redness()), One(), 2)
    core.reset()
    lookahead = core.look_ahead()
    assert not lookahead.observations[:, :, :, :4].any() and lookahead.observations.any()
    core.step(np.array([0, 3]))
    observations = core.observe()
    assert isinstance(observations, np.ndarray)
    for i, action in enumerate((0, 3)):
        assert np.array_equal(observations[i], lookahead.observations[i, action])
        assert core.edits[i].recipe.labels == [LABELS[action]]


def test_every_environment_can_begin_and_go_on_from_an_observation() -> None:
    names = sorted(path.stem for path in CONF.glob("env/*.yaml"))
    assert len(names) >= 3
    for name in names:
        objective = instantiate(load_config([f"env={name}"]).env)
        state = objective.begin(natural_photo(7, 256, 320), DISCRETE)
        assert state.observe().shape == (3, *objective.observation_size)
        again = objective.from_observation(state.observe(), DISCRETE)
        assert np.array_equal(again.observe(), state.observe())
