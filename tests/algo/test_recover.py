"""Learning strengths from the originals: degraded photos come nearer, and what can't be learned is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from apsi.agent.build import build_model
from apsi.config.build import components
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EditCore
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.fresh import FreshEpisodes
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.transform.adjust import Adjust
from apsi.transform.differentiable import colour_difference
from tests.conftest import Redness, context, natural_photo

CHOICES = [
    *("algo=recover", "transform=adjustments", "episodes=fresh", "env=repair", "degradation=photographic"),
    *(
        "degradation.flaws=[contrast,gamma]",
        "degradation.n_max=1",
        "device=cpu",
        "algo.batch_size=16",
        "algo.updates=4",
    ),
    *("env.observation_size=[36,36]", "algo.net_arch=[]", "algo.dropout=0.0"),
]
TWO = ["transform.adjustments=[contrast,gamma]"]


def model_of(split: PreparedSplit, *overrides: str) -> tuple[object, object]:
    config = load_config([*CHOICES, *overrides])
    parts = components(config, Redness())
    source = FreshEpisodes(replace(context(split), degradation=instantiate(config.degradation)), 0.5)
    return build_model(config, PhotoVecEnv(EditCore(parts, source, 1)), 0)


def test_it_changes_nothing_before_it_has_learned(split: PreparedSplit) -> None:
    _, model = model_of(split, *TWO)
    observation = np.ascontiguousarray(natural_photo(0, 36, 36).transpose(2, 0, 1))[None]
    actions, _ = model.predict(observation, deterministic=True)  # type: ignore[attr-defined]
    assert (actions[0, :2] == 0).all() and actions[0, 2] == 0.5


def test_learning_brings_degraded_photos_nearer_to_their_originals(split: PreparedSplit) -> None:
    _, model = model_of(split, *TWO)
    original = natural_photo(0, 36, 36)
    true = torch.from_numpy(original.transpose(2, 0, 1).copy())[None].float() / 255

    def distance() -> float:
        total = 0.0
        for flaw in (Adjust("contrast", 0.8), Adjust("contrast", -0.8), Adjust("gamma", 0.8), Adjust("gamma", -0.8)):
            given = torch.from_numpy(flaw(original).transpose(2, 0, 1).copy())[None]
            model.policy.set_training_mode(False)  # type: ignore[attr-defined]
            with torch.no_grad():
                strengths, _ = model.policy.strengths_and_stop(given)  # type: ignore[attr-defined]
                edited = model.policy.edit(given.float() / 255, strengths)  # type: ignore[attr-defined]
                total += colour_difference(edited, true).item()
        return total

    before = distance()
    model.learn(16 * 120)  # type: ignore[attr-defined]
    assert distance() < 0.85 * before


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["transform=reversible"], "needs continuous actions"),
        (["transform.adjustments=[exposure,blur_sharpen]"], "'blur_sharpen' has no gradient"),
        (["env.extras=[score]"], r"env\.extras=\['score'\] must be \[\]"),
    ],
)
def test_what_it_can_not_learn_is_refused(split: PreparedSplit, overrides: list[str], says: str) -> None:
    with pytest.raises(ApsiError, match=says):
        model_of(split, *overrides)


def test_it_needs_photos_that_it_can_degrade_itself(split: PreparedSplit) -> None:
    config = load_config([*CHOICES, "episodes=prepared"])
    parts = components(config, Redness())
    source = instantiate(config.episodes, context=context(split))
    env = PhotoVecEnv(EditCore(parts, source, 1))
    algo, _ = build_model(config, env, 0)
    with pytest.raises(ApsiError, match=r"algo=recover makes its own photos: add episodes=fresh"):
        algo.require_trainable(env)
