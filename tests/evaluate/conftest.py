"""Episodes played by two policies, for figures, pictures and pages."""

import numpy as np
import pytest

from apsi.env.core import Components
from apsi.evaluate.measure import distance
from apsi.evaluate.rollout import EpisodeResult, roll_out
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.base import Policy, PolicyContext
from apsi.policy.greedy import Greedy
from apsi.policy.nothing import Nothing


@pytest.fixture
def results(restore: Components, split: PreparedSplit) -> dict[str, list[EpisodeResult]]:
    def play(kind: type[Policy]) -> list[EpisodeResult]:
        policy = kind(PolicyContext(restore, None, np.random.default_rng(0)))
        taken = roll_out(
            policy,
            restore,
            split.episodes,
            batch_size=2,
            store=PhotoStore(),
            pictures=2,
            measures={"distance": distance},
        )
        return list(taken)

    return {"greedy": play(Greedy), "nothing": play(Nothing)}
