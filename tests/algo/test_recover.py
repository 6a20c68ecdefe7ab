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
    *("env.observation_size=[36,36]", "algo.net_arch=[]", "algo.dropout=0.0", "algo.stride=4"),
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
    assert (actions[0, :2] == 0).all() and actions[0, 2] > 0.5  # STOP: it expects no gain


@pytest.mark.slow
def test_learning_brings_degraded_photos_nearer_to_their_originals(
    split: PreparedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model = model_of(split, *TWO)
    judge, losses, nearer = model._judge, [], []  # type: ignore[attr-defined]

    def spy(batch: object) -> object:
        loss, success = judge(batch)
        losses.append(loss.item())
        nearer.append(success.mean())
        return loss, success

    monkeypatch.setattr(model, "_judge", spy)
    model.learn(16 * 200)  # type: ignore[attr-defined]
    assert np.mean(losses[-40:]) < 0.75 * np.mean(losses[:40])
    assert np.mean(nearer[-40:]) > 0.8


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["transform.adjustments=[exposure,blur_sharpen]"], "'blur_sharpen' has no gradient"),
        (["env.extras=[score]"], r"env\.extras=\['score'\] must be \[\]"),
        (["env.extras=[score]", "transform=sensible"], r"env\.extras=\['score'\] must be \[\]"),
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


def test_the_mean_of_the_members_is_played(split: PreparedSplit) -> None:
    _, model = model_of(split, *TWO, "algo.members=2")
    with torch.no_grad():
        for net, bias in zip(model.policy.strength_nets, (0.1, 0.5), strict=True):  # type: ignore[attr-defined]
            net[-1].bias.fill_(bias)
    photo = np.ascontiguousarray(natural_photo(0, 36, 36).transpose(2, 0, 1))[None]
    actions, _ = model.predict(photo)  # type: ignore[attr-defined]
    np.testing.assert_allclose(actions[0, :2], np.tanh([0.1, 0.5]).mean(), rtol=1e-6)
