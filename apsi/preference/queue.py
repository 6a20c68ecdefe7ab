"""What a person is asked next: every pair once, some of them again with their sides swapped."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from apsi.preference.answer import Answer

GAP = 10
"""Other pairs that are shown between a pair and its repeat, where there are so many"""
_SPREAD = 20  # a repeat comes up to so many pairs later than it might


class Turn(NamedTuple):
    """One time that a pair is shown."""

    pair: str
    is_repeat: bool = False
    """with its sides the other way round"""


class Queue:
    """The turns of one person, in order, and what they said so far.

    The order follows from the pairs and the name alone, so that a person goes on exactly where they were.
    """

    def __init__(self, pairs: Sequence[str], annotator: str, repeats: float) -> None:
        """Puts the turns in order.

        Args:
            pairs: ids, in the order in which they are shown.
            annotator: whose queue it is.
            repeats: share of the pairs that are shown again, 0 to 1.
        """
        self._pairs = pairs
        self._turns = _in_order(pairs, annotator, repeats)
        self._place = {pair: place for place, pair in enumerate(pairs)}
        self._repeated = {pairs[turn >> 1] for turn in self._turns if turn & 1}
        self._begin = 0  # turns before it are over
        self._standing: dict[Turn, Answer] = {}
        self._turn_of: dict[str, Turn] = {}
        self._when: dict[Turn, int] = {}
        self._count = self._done = 0
        self._ids: set[str] = set()
        self._left_out: set[str] = set()
        self._skipped: set[str] = set()

    def take(self, answers: Iterable[Answer]) -> None:
        """What was said, in order: answers, and lines that take some back."""
        for answer in answers:
            self._ids.add(answer.id)
            if answer.undoes is not None and (turn := self._turn_of.pop(answer.undoes, None)) is not None:
                self._drop(turn)
            if answer.answer is None:
                continue
            turn = Turn(answer.pair, answer.is_repeat)
            self._drop(turn)
            self._count += 1
            self._done += turn.pair in self._place
            self._standing[turn], self._when[turn], self._turn_of[answer.id] = answer, self._count, turn
            if answer.answer == "skip" and not turn.is_repeat:
                self._skipped.add(turn.pair)

    def leave_out(self, pair: str) -> None:
        """A pair that can't be shown."""
        self._left_out.add(pair)

    def knows(self, answer: str) -> bool:
        """Whether there is a line with this id."""
        return answer in self._ids

    def standing(self, turn: Turn) -> Answer | None:
        """The answer that holds."""
        return self._standing.get(turn)

    def latest(self, count: int) -> list[Answer]:
        """The last answers that hold to pairs that can be shown, the latest at the end."""
        there = (
            answer
            for turn, answer in reversed(self._standing.items())
            if turn.pair in self._place and turn.pair not in self._left_out
        )
        return list(islice(there, count))[::-1]

    @property
    def done(self) -> int:
        """Turns that were answered, skips included."""
        return self._done

    @property
    def total(self) -> int:
        """Turns that were answered or are still to come."""
        closed = [Turn(pair) for pair in self._left_out if pair in self._place]
        closed += [Turn(pair, True) for pair in (self._left_out | self._skipped) & self._repeated]
        return len(self._turns) - sum(turn not in self._standing for turn in closed)

    @property
    def repeats(self) -> int:
        """Those of `total` that show a pair again."""
        closed = (self._left_out | self._skipped) & self._repeated
        return len(self._repeated) - sum(Turn(pair, True) not in self._standing for pair in closed)

    def upcoming(self, count: int) -> list[Turn]:
        """The next turns, if all before them are answered.

        A repeat comes after its pair and `GAP` others, or at the end where there are fewer.
        """
        found: list[Turn] = []
        early: list[Turn] = []
        for place in range(self._begin, len(self._turns)):
            turn = Turn(self._pairs[self._turns[place] >> 1], bool(self._turns[place] & 1))
            if self._is_over(turn):
                self._begin += place == self._begin
                continue
            first = Turn(turn.pair)
            if not turn.is_repeat:
                found.append(turn)
            elif first in self._standing:
                others = self._count + len(found) - self._when[first]
                (found if others >= GAP else early).append(turn)
            if len(found) == count:
                return found
        return (found + early)[:count]

    def _is_over(self, turn: Turn) -> bool:
        if turn in self._standing or turn.pair in self._left_out:
            return True
        return turn.is_repeat and turn.pair in self._skipped

    def _drop(self, turn: Turn) -> None:
        """A turn that is open again, and so may be its repeat."""
        if self._standing.pop(turn, None) is None:
            return
        if turn.pair in self._place:
            self._done -= 1
            self._begin = min(self._begin, self._place[turn.pair])
        if not turn.is_repeat:
            self._skipped.discard(turn.pair)


def _in_order(pairs: Sequence[str], annotator: str, repeats: float) -> "array[int]":
    """The turns, each as twice the place of its pair, and one more where it is a repeat: few bytes for many pairs."""
    turns = array("q")
    due: dict[int, list[int]] = {}
    name = annotator.encode()
    for place, pair in enumerate(pairs):
        turns.append(2 * place)
        turns.extend(due.pop(place, ()))
        drawn = int.from_bytes(hashlib.sha256(pair.encode() + name).digest()[:8], "big")
        if drawn % 1_000_000 < repeats * 1_000_000:
            later = place + GAP + (drawn >> 32) % (_SPREAD + 1)
            due.setdefault(later, []).append(2 * place + 1)
    for later in sorted(due):
        turns.extend(due[later])
    return turns
