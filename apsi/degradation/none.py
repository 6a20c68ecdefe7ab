"""No degradation: photos as they are."""

from dataclasses import dataclass

import numpy as np

from apsi.degradation.base import Degradation
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class NoDegradation(Degradation):
    """Always the empty recipe; goes with `env=optimise`."""

    def sample(self, rng: np.random.Generator) -> Recipe:
        return Recipe()
