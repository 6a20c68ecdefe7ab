"""The oracle comes as near to the true photo as its actions lead, and never does harm."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.env.core import EnvComponents
from apsi.errors import ApsiError
from apsi.evaluate.summary import summarise
from apsi.evaluate.truth import COLOUR_DIFFERENCE, truth_measures
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit
from apsi.photo.write import write_png
from apsi.policy.base import PolicyContext
from apsi.policy.oracle import Oracle
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.transform.action_set import DiscreteActions
from apsi.transform.parametric import ParametricActions
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo


def play(parts: EnvComponents, split: PreparedSplit, steps: int = 40) -> list[EpisodeResult]:
    policy = Oracle(PolicyContext(parts, None, np.random.default_rng(0)), starts=2, gradient_steps=steps)
    measures = truth_measures()
    return list(roll_out(policy, parts, split.episodes, batch_size=4, store=PhotoStore(), measures=measures))


@pytest.fixture
def flawed(split: PreparedSplit, tmp_path_factory: pytest.TempPathFactory) -> PreparedSplit:
    """Photos of several sizes whose flaws the adjustments can take back, and one that nobody degraded."""
    folder, episodes = tmp_path_factory.mktemp("flawed"), []
    for i, labels in enumerate((["exposure(-0.600)"], ["temperature(+0.800)", "gamma(-0.300)"], [])):
        original = natural_photo(i, 40 + 4 * i, 52)
        write_png(folder / f"o{i}.png", original)
        write_png(folder / f"d{i}.png", Recipe.of(labels)(original))
        episodes.append(Episode(folder / f"d{i}.png", folder / f"o{i}.png", f"{i}", f"{i}", tuple(labels), 4.0, 6.0))
    return replace(split, episodes=tuple(episodes))


def test_one_right_action_is_found_and_then_it_stops(optimise: EnvComponents, split: PreparedSplit) -> None:
    results = play(optimise, split)
    assert [result.actions for result in results] == [("swap_rb",), ("swap_rb",), ("invert_r",)]
    assert all(result.measures[COLOUR_DIFFERENCE][1] == 0 for result in results)
    assert all(result.juror_calls == result.steps for result in results)  # it asks no juror


@pytest.mark.slow
@pytest.mark.parametrize("names", [["exposure", "gamma", "temperature"], ["blur_sharpen", "exposure", "temperature"]])
def test_strengths_take_flaws_back_and_a_photo_without_any_is_left_alone(
    names: list[str], optimise: EnvComponents, flawed: PreparedSplit
) -> None:
    actions = ParametricActions(names, 1.0, 0.02, stop=True)
    results = play(replace(optimise, actions=actions), flawed)
    assert (results[2].steps, results[2].actions) == (0, ())
    for result in results:
        before, after = result.measures[COLOUR_DIFFERENCE]
        assert after <= before
    truth = summarise(results)
    assert truth.recovered is not None and truth.recovered > 0.7 and truth.nearer == 1 and truth.harm == 0


def test_an_adjustment_without_a_gradient_is_found_all_the_same(optimise: EnvComponents, flawed: PreparedSplit) -> None:
    actions = ParametricActions(["blur_sharpen"], 1.0, 0.0)
    episode = replace(flawed.episodes[2], photo=flawed.episodes[2].original, degradation=("gauss",))
    sharp, soft = (episode.original.with_name(f"{name}.png") for name in ("sharp", "soft"))
    squares = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))
    write_png(sharp, np.repeat((60 + 120 * squares)[..., None], 3, axis=2).astype(np.uint8))
    write_png(soft, Recipe.of(["blur_sharpen(-0.300)"])(PhotoStore().read(sharp)))
    blurred = replace(episode, photo=soft, original=sharp)
    [result] = play(replace(optimise, actions=actions), replace(flawed, episodes=(blurred,)))
    assert result.actions and result.actions[0].startswith("blur_sharpen(+")
    assert result.measures[COLOUR_DIFFERENCE][1] < result.measures[COLOUR_DIFFERENCE][0]


def test_what_leads_to_another_size_is_not_taken(optimise: EnvComponents, flawed: PreparedSplit) -> None:
    actions = DiscreteActions(["crop_thirds", "exposure_up"], stop=True)
    first = replace(flawed, episodes=flawed.episodes[:1])
    [result] = play(replace(optimise, actions=actions), first)
    assert set(result.actions) == {"exposure_up"}


def test_photos_that_nobody_degraded_are_refused(optimise: EnvComponents) -> None:
    context = PolicyContext(optimise, None, np.random.default_rng(0), originals_known=False)
    with pytest.raises(ApsiError, match=r"policy=oracle .* choose a degradation, or another policy"):
        Oracle(context, starts=1, gradient_steps=1)
