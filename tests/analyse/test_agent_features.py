"""Photos placed by what a trained agent sees in them."""

import numpy as np
import pytest

from apsi.agent.shipped import SHIPPED
from apsi.analyse.agent_features import agent_features
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from tests.analyse.conftest import usual


@pytest.mark.slow
def test_points_are_of_the_agents_own_network_and_of_one_photo_each() -> None:
    config = load_config([f"checkpoint={SHIPPED}", "task=analyse", "device=cpu"])
    photos = [usual(i) for i in range(3)]
    embedder = agent_features(config)
    found = embedder.embed(photos)
    assert found.shape[0] == 3 and found.shape[1] > 8 and np.allclose(np.linalg.norm(found, axis=1), 1)
    assert np.allclose(embedder.embed(photos[1:2])[0], found[1], atol=1e-6)
    assert not np.allclose(found[0], found[1], atol=1e-3)
    assert embedder.fingerprint == agent_features(config).fingerprint and "pixels" in embedder.words


def test_without_an_agent_it_says_what_to_add() -> None:
    with pytest.raises(ApsiError, match="add checkpoint="):
        agent_features(load_config(["task=analyse"]))
