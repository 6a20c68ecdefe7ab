"""PPO with continuous actions: how widely it tries them at first."""

import pytest

from apsi.agent.build import build_model
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.prepared import PreparedEpisodes
from apsi.photo.prepared import PreparedSplit
from tests.conftest import Redness, context


@pytest.mark.parametrize(
    ("algo", "transform", "spread"),
    [("ppo", "parametric", -1.5), ("recurrent_ppo", "parametric", -1.5), ("maskable_ppo", "sensible", None)],
)
def test_strengths_are_tried_as_widely_as_told_and_discrete_actions_have_no_width(
    algo: str, transform: str, spread: float | None, split: PreparedSplit
) -> None:
    chosen = [f"algo={algo}", "algo.log_std_init=-1.5", f"transform={transform}", "degradation=sensible"]
    config = load_config([*chosen, "device=cpu", "feature_extractor=nature_cnn"])
    objective, actions = instantiate(config.env), instantiate(config.transform, stop=False)
    parts = EnvComponents(objective, actions, instantiate(config.reward), Redness())
    _, model = build_model(config, PhotoVecEnv(EditCore(parts, PreparedEpisodes(context(split)), 1)), 0)
    log_std = getattr(model.policy, "log_std", None)
    assert (log_std is None) == (spread is None)
    assert log_std is None or set(log_std.tolist()) == {spread}
