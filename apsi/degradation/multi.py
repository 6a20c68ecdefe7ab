"""Several transforms a photo."""

from dataclasses import dataclass

import numpy as np

from apsi.degradation.base import Degradation, draw_irreducible, require_labels
from apsi.errors import ApsiError
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Multi(Degradation):
    """Exactly `n` transforms that do not reduce to fewer."""

    labels: list[str]
    n: int

    def __post_init__(self) -> None:
        require_labels(self.labels)
        if self.n < 1:
            raise ApsiError(f"degradation.n={self.n} must be at least 1; degradation=none leaves photos as they are")

    def sample(self, rng: np.random.Generator) -> Recipe:
        return draw_irreducible(self.labels, self.n, rng)
