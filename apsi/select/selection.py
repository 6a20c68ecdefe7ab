"""Choosing pairs at random, by what their answers would tell, or half and half."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.juror.preference import Preference
from apsi.pairs.base import Candidate
from apsi.photo import Floats


@dataclass(frozen=True)
class SelectContext:
    """What a choice may go by."""

    information: Callable[[Preference, Sequence[Candidate]], Floats]
    """how much an answer to each would tell a fitted model of a person, `(n,)`"""
    seed: int


class Selection(ABC):
    """Chooses pairs out of candidates that come round by round."""

    @abstractmethod
    def choose(self, candidates: Iterator[Candidate], count: int, context: SelectContext) -> list[Candidate]:
        """At most `count` of them, in the order in which they are to be shown.

        Args:
            candidates: none of which is known yet.
            count: how many are wanted.
            context: what it may go by.
        """

    def looked_at(self, count: int) -> int:
        """How many candidates that takes, at most."""
        return count


@dataclass(frozen=True)
class Random(Selection):
    """The first that come: every photo as often as the others, whatever a model thinks.

    Random pairs need no model and keep every figure that is measured on them honest. Choosing by disagreement was worse
    with 100 and 400 votes on FCDB.
    """

    def choose(self, candidates: Iterator[Candidate], count: int, context: SelectContext) -> list[Candidate]:
        return list(islice(candidates, count))


@dataclass(frozen=True)
class Disagreement(Selection):
    """Those whose answers would tell the model of a person most, as it is in doubt about them itself (BALD)."""

    juror: Preference
    """`juror=preference`, fitted"""
    pool: PositiveInt
    """candidates that are looked at for each pair that is chosen"""

    def __post_init__(self) -> None:
        require_fitted(self.juror)

    def looked_at(self, count: int) -> int:
        return count * self.pool

    def choose(self, candidates: Iterator[Candidate], count: int, context: SelectContext) -> list[Candidate]:
        found = list(islice(candidates, count * self.pool))
        if not found:
            return []
        order = np.argsort(-context.information(self.juror, found), kind="stable")
        return [found[i] for i in order[:count].tolist()]


@dataclass(frozen=True)
class Half(Selection):
    """Half of them at random and half by disagreement, one by one."""

    juror: Preference
    pool: PositiveInt

    def __post_init__(self) -> None:
        require_fitted(self.juror)

    def looked_at(self, count: int) -> int:
        return (count + 1) // 2 + count // 2 * self.pool

    def choose(self, candidates: Iterator[Candidate], count: int, context: SelectContext) -> list[Candidate]:
        by_chance = list(islice(candidates, (count + 1) // 2))
        by_doubt = Disagreement(self.juror, self.pool).choose(candidates, count // 2, context)
        mixed = [one for pair in zip(by_chance, by_doubt, strict=False) for one in pair]
        return mixed + by_chance[len(by_doubt) :]


def require_fitted(juror: Preference) -> None:
    """Raises an ApsiError where the model of a person is not there."""
    if not juror.is_fitted:
        raise ApsiError(
            f"select.juror.path={juror.path} is not there: make it out of people's answers with task=fit_preference, "
            "or leave it to chance with select=random"
        )
