"""How often what an agent made is preferred over the photo as it was, or over what another agent made of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from apsi.preference.folder import Comparison
from apsi.preference.pair import Pair

SOURCES = ("agent_vs_start", "agent_vs_agent")
"""Kinds of pairs whose versions two different makers made"""


@dataclass(frozen=True)
class Duel:
    """The pairs of two makers, each decided by the majority of who answered it."""

    first: str
    """checkpoint of the agent that made one version of each pair"""
    second: str
    """that of the other; `start`: the photo as it was"""
    split: str
    """of the photos"""
    wins: int
    """pairs in which the first's version is preferred"""
    losses: int
    ties: int
    """pairs without a majority, or whose majority says so"""

    @property
    def decided(self) -> int:
        """Wins and losses."""
        return self.wins + self.losses

    @property
    def rate(self) -> float | None:
        """Share of wins among the decided; None: there is none."""
        return self.wins / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Exact 95 % interval of that (Clopper, Pearson 1934); each photo is one pair."""
        if not self.decided:
            return None
        found = binomtest(self.wins, self.decided).proportion_ci(0.95, "exact")
        return float(found.low), float(found.high)

    @property
    def said(self) -> str:
        """In one line."""
        if self.rate is None or self.interval is None:
            return f"{self.first} against {self.second}: nothing is decided yet"
        low, high = self.interval
        return (
            f"{self.first} against {self.second}, {self.split} photos: preferred in {self.wins} of {self.decided}, "
            f"{self.rate:.2f} ({low:.2f} to {high:.2f}); {self.ties} ties"
        )


def duels(comparisons: Sequence[Comparison], pairs: Mapping[str, Pair]) -> list[Duel]:
    """Every two makers that were compared, by split; skips and pairs that were shown again don't count.

    Args:
        comparisons: the answers that hold.
        pairs: all pairs by id.
    """
    votes: dict[str, Counter[str]] = {}
    for one in comparisons:
        pair = pairs[one.answer.pair]
        first = pair.made.get("first")
        if pair.source not in SOURCES or one.answer.is_repeat or one.answer.answer == "skip":
            continue
        if pair.side_of(str(first)) is None:
            continue
        said = "tie" if one.preferred is None else "first" if one.preferred.key == first else "second"
        votes.setdefault(pair.id, Counter())[said] += 1
    results: dict[tuple[str, str, str], Counter[str]] = {}
    for number, cast in votes.items():
        pair = pairs[number]
        makers = str(pair.made.get("checkpoint", "agent")), str(pair.made.get("other", "start")), pair.split
        results.setdefault(makers, Counter())[_majority(cast)] += 1
    return [Duel(*makers, one["first"], one["second"], one["tie"]) for makers, one in results.items()]


def _majority(votes: Counter[str]) -> str:
    (most, count), *others = votes.most_common()
    return "tie" if others and others[0][1] == count else most
