"""One transform a photo."""

from dataclasses import dataclass

import numpy as np

from apsi.degradation.base import Degradation, draw_irreducible
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Single(Degradation):
    """One transform, drawn from `labels`; name a single label to degrade every photo in the same way."""

    labels: list[str]

    def sample(self, rng: np.random.Generator) -> Recipe:
        return draw_irreducible(self.labels, 1, rng)
