"""The degradation contract."""

from abc import ABC, abstractmethod
from functools import cache

import numpy as np

from apsi.errors import ApsiError
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import by_label
from apsi.transform.recipe import Recipe
from apsi.transform.reduction import reduces

_TRIES = 1000


class Degradation(ABC):
    """Draws recipes that can't be done with fewer transforms. A frozen dataclass: its `repr` keys prepared data."""

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Recipe:
        """One recipe; never one that reduces to a shorter one or to nothing.

        Raises:
            ApsiError: the transforms allow no such recipe.
        """

    def sample_many(self, rng: np.random.Generator, count: int) -> list[Recipe]:
        """Up to `count` different recipes; fewer where there are no more."""
        recipes: dict[tuple[str, ...], Recipe] = {}
        for _ in range(20 * count):
            if len(recipes) == count:
                break
            recipe = self.sample(rng)
            recipes.setdefault(tuple(recipe.labels), recipe)
        return list(recipes.values())


def require_labels(labels: list[str]) -> None:
    """Checks `labels` before any photo is touched.

    Raises:
        ApsiError: none, an unknown or repeated one, or STOP, which degrades nothing.
    """
    if not labels or len(set(labels)) < len(labels) or STOP_LABEL in labels:
        remedy = ""
        if not labels:
            remedy = (
                ". Unless you name them they are those of transform=, and the one that is chosen has none: add "
                "degradation=sensible to it, or env=crop degradation=none where its actions frame"
            )
        raise ApsiError(f"degradation.labels={labels} must name one transform or more, each once, and not STOP{remedy}")
    for label in labels:
        by_label(label)


@cache
def _transforms(labels: tuple[str, ...]) -> frozenset[Transform]:
    return frozenset(by_label(label) for label in labels)


def draw_irreducible(labels: list[str], length: int, rng: np.random.Generator) -> Recipe:
    """A random recipe of exactly `length` transforms that no shorter one equals, of these labels or any other.

    Raises:
        ApsiError: none was found, as with four swaps, which are always equal to two or fewer.
    """
    among = _transforms(tuple(labels))
    for _ in range(_TRIES):
        recipe = Recipe.of(rng.choice(labels, size=length).tolist())
        if not reduces(recipe.transforms, among):
            return recipe
    raise ApsiError(
        f"no recipe of {length} transforms out of {labels} was found that does not reduce to a shorter one; "
        "lower degradation.n (or n_max) or name more transforms in degradation.labels"
    )
