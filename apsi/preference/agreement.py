"""How far people agree with themselves and with each other, and how they answer.

A person who answered a pair several times counts with the first of these answers, but for agreement with themselves.
Skips are no answers: who skipped a pair said nothing of it. Milliseconds of 0 are those that nobody measured, as in
imported answers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import median

import numpy as np

from apsi.photo import Floats, Ints
from apsi.preference.folder import Comparison

Interval = tuple[float, float]
SAID = ("first", "second", "tie")
"""What can be said of a pair, whichever side its versions stood on: `first` is the version with the lower key"""
_MISSING = -1


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """None where there is nothing to count."""
        return self.count / self.of if self.of else None

    @cached_property
    def interval(self) -> Interval | None:
        """95 % interval of the share, exact (Clopper and Pearson, 1934); None where there is nothing to count."""
        if not self.of:
            return None
        from scipy.stats import binomtest

        found = binomtest(self.count, self.of).proportion_ci(confidence_level=0.95, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Person:
    """How one person answers."""

    name: str
    answers: int
    """that hold, skips included"""
    left: Share
    """of the answers that are left or right those that are left: 0.5 where the side says nothing"""
    ties: Share
    """of all answers but skips"""
    skips: Share
    itself: Share
    """of the repeated answers those that say the same as the first one to this pair"""
    seconds: float | None
    """median; None where none was measured"""
    fast: Share
    """of the measured answers those that came faster than anybody can look"""
    fast_agrees: Share
    """of these, where the pair has other answers too, those that say what most of them say"""


@dataclass(frozen=True)
class Between:
    """Two people, on the pairs that both answered."""

    first: str
    second: str
    agree: Share
    kappa: float | None
    """Cohen's: 0 is what chance gives, 1 all alike; None where both always said the same one thing"""


@dataclass(frozen=True, eq=False)
class Agreement:
    """What is said of all people together."""

    people: Sequence[Person]
    between: Sequence[Between]
    """every two people with a pair in common, those with most first"""
    answered: int
    """pairs with an answer"""
    shared: int
    """pairs that several people answered"""
    shares: Floats
    """`(shared,)`: of every two people who answered the pair, the share that says the same"""
    photos: Sequence[str]
    """the left photo of each of these pairs"""
    alpha: float | None
    """Krippendorff's, nominal"""

    @property
    def mean(self) -> float | None:
        """How often two people agree, over the pairs that several answered; None where there is none."""
        return float(self.shares.mean()) if len(self.shares) else None


def agreement(comparisons: Sequence[Comparison], fast_below: int = 400) -> Agreement:
    """All figures.

    Args:
        comparisons: the answers that hold.
        fast_below: milliseconds under which nobody has looked at both versions.
    """
    said = _first_answers(comparisons)
    names, pairs = sorted(said), sorted({pair for own in said.values() for pair in own})
    place = {pair: i for i, pair in enumerate(pairs)}
    codes = np.full((len(pairs), len(names)), _MISSING)
    for column, name in enumerate(names):
        for pair, code in said[name].items():
            codes[place[pair], column] = code
    counts = counts_of(codes)
    several = counts.sum(axis=1) >= 2
    photo = {comparison.answer.pair: comparison.left.photo for comparison in comparisons}
    rest = _Rest(comparisons)
    everybody = sorted({comparison.answer.annotator for comparison in comparisons})
    own: dict[str, list[Comparison]] = {name: [] for name in everybody}
    for comparison in comparisons:
        own[comparison.answer.annotator].append(comparison)
    between = [
        _between((names[i], codes[:, i]), (names[j], codes[:, j])) for i, j in combinations(range(len(names)), 2)
    ]
    return Agreement(
        [_person(name, own[name], fast_below, rest) for name in everybody],
        sorted((one for one in between if one.agree.of), key=lambda one: -one.agree.of),
        len(pairs),
        int(several.sum()),
        shares_that_agree(counts[several]),
        [photo[pairs[i]] for i in np.flatnonzero(several)],
        krippendorff_alpha(counts),
    )


def counts_of(codes: Ints) -> Ints:
    """`(units, categories)`: how many people said what, from codes `(units, people)`, -1 where one said nothing."""
    size = max(len(SAID), int(codes.max(initial=0)) + 1)
    return np.stack([(codes == code).sum(axis=1) for code in range(size)], axis=1)


def shares_that_agree(counts: Ints) -> Floats:
    """`(units,)`: of every two people who said something of a unit, the share that said the same."""
    said = counts.sum(axis=1)
    agree: Floats = (counts * (counts - 1)).sum(axis=1) / (said * (said - 1))
    return agree


def krippendorff_alpha(counts: Ints) -> float | None:
    """Krippendorff's alpha for nominal values, any number of people and missing ones.

    1 less the disagreement over that of values dealt at random (Krippendorff, "Computing Krippendorff's
    alpha-reliability", 2011, section E).

    Args:
        counts: `(units, categories)`, how many people said what; units that fewer than two spoke of don't count.

    Returns:
        None where there are no such units, or all values are the same and nothing could be told apart.
    """
    paired = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    if not len(paired):
        return None
    totals = paired.sum(axis=0)
    n = totals.sum()
    alike = ((paired * (paired - 1)).sum(axis=1) / (paired.sum(axis=1) - 1)).sum() / n
    expected = (totals * (totals - 1)).sum() / (n * (n - 1))
    return None if expected == 1 else float(1 - (1 - alike) / (1 - expected))


def cohen_kappa(first: Ints, second: Ints) -> float | None:
    """Cohen's kappa of two people ("A coefficient of agreement for nominal scales", 1960).

    Args:
        first: `(n,)` codes of what one said.
        second: `(n,)`, what the other said of the same.

    Returns:
        None where there is nothing, or both said one thing only.
    """
    if not len(first) or len(np.unique(np.concatenate([first, second]))) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(first, second))


def code_of(comparison: Comparison) -> int | None:
    """What was said of a pair as a place in `SAID`; None: it was skipped."""
    if comparison.answer.answer == "tie":
        return SAID.index("tie")
    better = comparison.preferred
    if better is None:
        return None
    return int(better.key != min(comparison.left.key, comparison.right.key))


def _first_answers(comparisons: Sequence[Comparison]) -> dict[str, dict[str, int]]:
    """What each person said of each pair, by name and by id."""
    said: dict[str, dict[str, int]] = {}
    for comparison in comparisons:
        code = code_of(comparison)
        if code is not None:
            said.setdefault(comparison.answer.annotator, {}).setdefault(comparison.answer.pair, code)
    return said


class _Rest:
    """What else was said of the pair of an answer."""

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        self._said: dict[str, Counter[int]] = {}
        for comparison in comparisons:
            code = code_of(comparison)
            if code is not None:
                self._said.setdefault(comparison.answer.pair, Counter())[code] += 1

    def agrees(self, comparison: Comparison, code: int) -> bool | None:
        """Whether most of the other answers say the same; None: there is none, or no most."""
        others = self._said[comparison.answer.pair] - Counter([code])
        most = others.most_common(2)
        if not most or (len(most) == 2 and most[0][1] == most[1][1]):
            return None
        return most[0][0] == code


def _person(name: str, own: Sequence[Comparison], fast_below: int, rest: _Rest) -> Person:
    said = [comparison.answer.answer for comparison in own]
    decided, left, ties = (sum(one in words for one in said) for words in (("left", "right"), ("left",), ("tie",)))
    times = [comparison.answer.milliseconds for comparison in own if comparison.answer.milliseconds]
    fast = [one for one in own if 0 < one.answer.milliseconds < fast_below]
    held = [rest.agrees(one, code) for one in fast if (code := code_of(one)) is not None]
    checked = [agrees for agrees in held if agrees is not None]
    return Person(
        name,
        len(own),
        Share(left, decided),
        Share(ties, decided + ties),
        Share(len(own) - decided - ties, len(own)),
        _itself(own),
        median(times) / 1000 if times else None,
        Share(len(fast), len(times)),
        Share(sum(checked), len(checked)),
    )


def _itself(own: Sequence[Comparison]) -> Share:
    first: dict[str, int] = {}
    agree, repeated = 0, 0
    for comparison in own:
        code, pair = code_of(comparison), comparison.answer.pair
        if code is None:
            continue
        if pair in first:
            repeated += 1
            agree += first[pair] == code
        first.setdefault(pair, code)
    return Share(agree, repeated)


def _between(one: tuple[str, Ints], other: tuple[str, Ints]) -> Between:
    both = (one[1] != _MISSING) & (other[1] != _MISSING)
    first, second = one[1][both], other[1][both]
    return Between(one[0], other[0], Share(int((first == second).sum()), len(first)), cohen_kappa(first, second))


def as_numbers(found: Agreement) -> Mapping[str, float | int | None]:
    """The figures without any name."""
    return {
        "people": len(found.people),
        "answers": sum(person.answers for person in found.people),
        "answered_pairs": found.answered,
        "shared_pairs": found.shared,
        "agreement": found.mean,
        "alpha": found.alpha,
        "repeated": sum(person.itself.of for person in found.people),
        "repeated_alike": sum(person.itself.count for person in found.people),
        "fast": sum(person.fast.count for person in found.people),
    }
