"""Every transform in turn."""

from dataclasses import dataclass

import numpy as np

from apsi.degradation.base import Degradation, require_labels
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Sequential(Degradation):
    """One transform, going through `labels` in order from a random start: a photo meets each before any comes twice."""

    labels: list[str]

    def __post_init__(self) -> None:
        require_labels(self.labels)

    def sample(self, rng: np.random.Generator) -> Recipe:
        return self.sample_many(rng, 1)[0]

    def sample_many(self, rng: np.random.Generator, count: int) -> list[Recipe]:
        start = int(rng.integers(len(self.labels)))
        count = min(count, len(self.labels))
        return [Recipe.of([self.labels[(start + i) % len(self.labels)]]) for i in range(count)]
