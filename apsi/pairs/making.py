"""From candidates to pairs: none twice, sides at random, the same for the same seed and folder."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apsi.pairs.base import Candidate
from apsi.photo.hash import seed_for
from apsi.preference.pair import Pair


def next_round(pairs: Iterable[Pair]) -> int:
    """Number of the round that comes after those of these pairs, from 1."""
    rounds = [pair.made.get("round", 0) for pair in pairs]
    return 1 + max((number for number in rounds if isinstance(number, int)), default=0)


def unknown(candidates: Iterator[Candidate], known: Mapping[str, Pair]) -> Iterator[Candidate]:
    """Candidates that are no pair of these yet, each once."""
    seen: set[str] = set()
    for first, second, split in candidates:
        number = Pair(first, second, split, "").id
        if number not in known and number not in seen:
            seen.add(number)
            yield first, second, split


def with_sides(candidates: Iterable[Candidate], source: str, made: Mapping[str, Any], seed: int) -> list[Pair]:
    """Pairs whose versions stand left and right by chance.

    Args:
        candidates: what was chosen.
        source: what made them.
        made: is recorded with each, and which version was the first of its candidate.
        seed: of the sides.
    """
    pairs = []
    for first, second, split in candidates:
        how = {**made, "first": first.key}
        pair = Pair(first, second, split, source, how)
        if seed_for(seed, pair.id) % 2:
            pair = Pair(second, first, split, source, how)
        pairs.append(pair)
    return pairs
