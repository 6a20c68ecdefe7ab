"""One transform a photo."""

from dataclasses import dataclass

import numpy as np

from apsi.degradation.base import Degradation, draw_irreducible, require_labels
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Single(Degradation):
    """One transform, drawn from `labels`; name a single label to degrade every photo in the same way."""

    labels: list[str]

    def __post_init__(self) -> None:
        require_labels(self.labels)

    def sample(self, rng: np.random.Generator) -> Recipe:
        return draw_irreducible(self.labels, 1, rng)
