"""Learning which transforms bring photos nearer: the right targets, and an agent that has learned them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab

from apsi.agent.ask import trained_agent
from apsi.agent.build import build_model
from apsi.algo.base import Algo
from apsi.algo.nearer import NearerModel
from apsi.config.build import components
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EditCore
from apsi.env.edit_state import EditState, observe
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.fresh import FreshEpisodes
from apsi.photo import Floats, Photo
from apsi.photo.prepared import PreparedSplit
from apsi.transform.base import STOP_LABEL
from apsi.transform.catalogue import by_label
from tests.conftest import Redness, context, natural_photo

CHOICES = [
    *("algo=recover", "episodes=fresh", "env=repair", "degradation=photographic", "degradation.flaws=[exposure]"),
    *("degradation.n_max=1", "degradation.weakest=0.5", "transform.labels=[exposure_up,exposure_down]", "device=cpu"),
    *("env.observation_size=[36,36]", "feature_extractor=colour_statistics", "feature_extractor.dropout=0.0"),
    *("algo.batch_size=16", "algo.updates=4", "algo.stride=4", "algo.net_arch=[]", "algo.dropout=0.0"),
]


def model_of(split: PreparedSplit, *overrides: str) -> tuple[Algo, NearerModel]:
    config = load_config([*CHOICES, *overrides])
    source = FreshEpisodes(replace(context(split), degradation=instantiate(config.degradation)), 0.5)
    algo, model = build_model(config, PhotoVecEnv(EditCore(components(config, Redness()), source, 1)), 0)
    assert isinstance(model, NearerModel)
    return algo, model


def begun(model: NearerModel, photo: Photo) -> EditState:
    return model.core.objective.begin(photo, model.core.actions)


def values(algo: Algo, model: NearerModel, photo: Photo) -> Floats:
    prefer = trained_agent(algo, model).prefer
    assert prefer is not None
    return prefer(observe([begun(model, photo)]))[0]


def test_before_it_has_learned_it_stops_at_once(split: PreparedSplit) -> None:
    algo, model = model_of(split)
    assert values(algo, model, natural_photo(0, 36, 36)).tolist() == [0, 0, pytest.approx(0.01)]


def test_without_stop_there_are_only_transforms_to_value(split: PreparedSplit) -> None:
    algo, model = model_of(split, "env.stop=false")
    assert values(algo, model, natural_photo(0, 36, 36)).shape == (2,)


def test_it_learns_by_how_much_scikit_image_says_that_every_transform_brings_a_photo_nearer(
    split: PreparedSplit,
) -> None:
    _, model = model_of(split, "algo.stride=1", "transform.labels=[exposure_up,blur_gauss_3,warmth]", "algo.steps=1")
    originals = [natural_photo(seed, 36, 36) for seed in range(2)]
    states = [begun(model, by_label("exposure_down")(photo)) for photo in originals]
    given = model._given(states)
    distances = [
        [
            deltaE_ciede2000(rgb2lab(view), rgb2lab(original)).mean()
            for view in (s.view, *(o.view for o in s.outcomes()))
        ]
        for s, original in zip(states, originals, strict=True)
    ]
    expected = np.array(distances)
    true = observe([begun(model, original) for original in originals])
    found = model._distances(given.compared, model._pixels(true)).numpy()
    np.testing.assert_allclose(found, expected, atol=0.02)
    loss, _ = model._loss(given, true)  # of a network that predicts no gain
    assert loss.item() == pytest.approx(np.square((expected[:, :1] - expected[:, 1:]) / 10).mean(), rel=0.01)


def test_it_goes_on_from_where_its_own_edits_led_until_it_stops(
    split: PreparedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model = model_of(split, "algo.steps=3")
    originals = [natural_photo(seed, 36, 36) for seed in range(4)]
    given, true = model._given([begun(model, p) for p in originals]), observe([begun(model, p) for p in originals])
    plan = iter([[0, 2, 1, 2], [2, 0]])  # 2 is STOP
    monkeypatch.setattr(model.policy, "values", lambda gains: torch.eye(3)[next(plan, [2])])
    recipes: list[list[list[str]]] = []
    try_all = model._given
    monkeypatch.setattr(
        model, "_given", lambda states: recipes.append([s.recipe.labels for s in states]) or try_all(states)
    )
    model._loss(given, true)
    assert recipes == [[["exposure_up"], ["exposure_down"]], [["exposure_down", "exposure_up"]]]


@pytest.mark.slow
def test_it_learns_to_repair_what_is_degraded_and_to_leave_alone_what_is_not(split: PreparedSplit) -> None:
    algo, model = model_of(split)
    source = model.core.source
    original = source.context.store.read(split.episodes[1].original)
    model.learn(1)
    jurors = [model.core._juror, source.context.juror]
    asked = [len(juror.batches) for juror in jurors]  # type: ignore[attr-defined]
    model.learn(16 * 120, reset_num_timesteps=False)
    assert [len(juror.batches) for juror in jurors] == asked  # type: ignore[attr-defined]
    labels = model.core.actions.labels
    best = {
        flaw: labels[values(algo, model, by_label(flaw)(original) if flaw else original).argmax()]
        for flaw in ("exposure_up_strong", "exposure_down_strong", "")
    }
    assert best == {"exposure_up_strong": "exposure_down", "exposure_down_strong": "exposure_up", "": STOP_LABEL}
    assert np.mean(model.ep_success_buffer) > 0.8  # type: ignore[arg-type]  # made by then
