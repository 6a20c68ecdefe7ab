"""A random number of transforms a photo."""

from dataclasses import dataclass

import numpy as np

from apsi.degradation.base import Degradation, draw_irreducible, require_labels
from apsi.errors import ApsiError
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Random(Degradation):
    """Between `n_min` and `n_max` transforms, each number equally likely."""

    labels: list[str]
    n_min: int
    n_max: int

    def __post_init__(self) -> None:
        require_labels(self.labels)
        if not 1 <= self.n_min <= self.n_max:
            raise ApsiError(f"degradation: n_min={self.n_min} and n_max={self.n_max} must be 1 <= n_min <= n_max")

    def sample(self, rng: np.random.Generator) -> Recipe:
        return draw_irreducible(self.labels, int(rng.integers(self.n_min, self.n_max, endpoint=True)), rng)
