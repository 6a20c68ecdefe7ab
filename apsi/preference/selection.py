"""Which of the pairs that could be shown are: the options of `select=`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from pydantic import PositiveInt

from apsi.juror.base import Juror
from apsi.photo import Floats
from apsi.preference.pairs.base import Candidate


@dataclass(frozen=True)
class SelectContext:
    """What a choice may go by."""

    doubt: Callable[[Juror, Sequence[Candidate]], Floats]
    """how much answers to pairs would tell a fitted model of a person, `(n,)`, higher is more"""
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
    """Those of which the model of a person knows least what the answer will be, given what it does not know.

    The share of an answer's uncertainty that more answers would take away: Houlsby, Huszár, Ghahramani, Lengyel:
    "Bayesian active learning for classification and preference learning" (BALD), 2011.
    """

    juror: Juror
    """`juror=preference`, fitted"""
    pool: PositiveInt
    """candidates that are looked at for each pair that is chosen"""

    def choose(self, candidates: Iterator[Candidate], count: int, context: SelectContext) -> list[Candidate]:
        found = list(islice(candidates, count * self.pool))
        if not found:
            return []
        order = np.argsort(-context.doubt(self.juror, found), kind="stable")
        return [found[i] for i in order[:count].tolist()]


@dataclass(frozen=True)
class Half(Selection):
    """Half of them at random and half by disagreement, one by one."""

    juror: Juror
    pool: PositiveInt

    def choose(self, candidates: Iterator[Candidate], count: int, context: SelectContext) -> list[Candidate]:
        by_chance = list(islice(candidates, (count + 1) // 2))
        by_doubt = Disagreement(self.juror, self.pool).choose(candidates, count // 2, context)
        mixed = [one for pair in zip(by_chance, by_doubt, strict=False) for one in pair]
        return mixed + by_chance[len(by_doubt) :]
