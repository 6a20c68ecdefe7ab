"""The folder of pairs and answers: `pairs.jsonl`, and a file of answers for each person."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from apsi.errors import ApsiError, did_you_mean
from apsi.photo.hash import value_hash
from apsi.preference.answer import Answer, require_annotator
from apsi.preference.index import PairIndex
from apsi.preference.lines import append_lines, read_lines
from apsi.preference.pair import Pair, Version

PAIRS, ANSWERS = "pairs.jsonl", "answers"
MODEL, MODEL_FILE = "preference.json", "preference.npz"
"""What a run that fitted a model of people leaves: what it says of itself, and the file of the juror"""


@dataclass(frozen=True)
class Comparison:
    """An answer that holds, with the versions as they stood."""

    answer: Answer
    left: Version
    right: Version
    split: str
    source: str

    @property
    def preferred(self) -> Version | None:
        """The better one; None: neither is, or the person had no opinion."""
        return {"left": self.left, "right": self.right}.get(str(self.answer.answer))


@dataclass(frozen=True)
class PreferenceFolder:
    """Pairs and answers on disk. The files are the truth; what is kept in memory is read from them."""

    path: Path

    @cached_property
    def id(self) -> str:
        """Tells it from other folders, and does not say where it lies."""
        return value_hash(str(self.path.resolve()))

    @cached_property
    def pairs_file(self) -> Path:
        """One pair a line."""
        return self.path / PAIRS

    def pairs(self) -> dict[str, Pair]:
        """All pairs by id, in the order in which they were made, each once."""
        found: dict[str, Pair] = {}
        for pair in read_lines(self.pairs_file, Pair.from_dict).values:
            found.setdefault(pair.id, pair)
        return found

    def require_pairs(self) -> dict[str, Pair]:
        """All pairs.

        Raises:
            ApsiError: there is none.
        """
        pairs = self.pairs()
        if not pairs:
            raise self._without_pairs()
        return pairs

    def require_index(self) -> PairIndex:
        """Where every pair stands, for who shows one after another.

        Raises:
            ApsiError: there is none.
        """
        index = PairIndex(self.pairs_file)
        if not len(index):
            raise self._without_pairs()
        return index

    def _without_pairs(self) -> ApsiError:
        return ApsiError(f"there are no pairs in preference_dir={self.path}: make some with task=make_pairs")

    def add_pairs(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Adds those that are not there yet, and returns them."""
        known = self.pairs()
        new: dict[str, Pair] = {}
        for pair in pairs:
            if pair.id not in known:
                new.setdefault(pair.id, pair)
        append_lines(self.pairs_file, (pair.as_dict() for pair in new.values()))
        return list(new.values())

    def answers_file(self, annotator: str) -> Path:
        """That of one person; its name begins as theirs does, and can't lead out of the folder."""
        plain = re.sub(r"[^a-z0-9]+", "-", require_annotator(annotator).lower()).strip("-")[:30]
        return self.path / ANSWERS / f"{plain or 'annotator'}-{value_hash(annotator)[:8]}.jsonl"

    def add_answers(self, answers: Sequence[Answer]) -> None:
        """Adds answers of one or several people; when it returns they are on the disk."""
        for annotator in dict.fromkeys(answer.annotator for answer in answers):
            own = [answer.as_dict() for answer in answers if answer.annotator == annotator]
            append_lines(self.answers_file(annotator), own)

    def answers(self, annotator: str | None = None) -> list[Answer]:
        """Every line of one person, or of all, in order; one that was written twice counts once."""
        if annotator is not None:
            files = [self.answers_file(annotator)]
        else:
            files = sorted((self.path / ANSWERS).glob("*.jsonl"))
        found: dict[tuple[str, str], Answer] = {}
        for file in files:
            for answer in read_lines(file, Answer.from_dict).values:
                found.setdefault((answer.annotator, answer.id), answer)
        return list(found.values())

    def annotators(self) -> list[str]:
        """Everybody who answered."""
        return sorted({answer.annotator for answer in self.answers()})

    def forget(self, annotator: str) -> int:
        """Removes a person's answers for good, and says how many lines there were.

        Raises:
            ApsiError: there is nobody of this name.
        """
        file = self.answers_file(annotator)
        if not file.exists():
            raise ApsiError(
                f"forget={annotator}: nobody of this name answered in preference_dir={self.path}."
                f"{did_you_mean(annotator, self.annotators())}"
            )
        count = len(self.answers(annotator))
        file.unlink()
        return count

    def comparisons(self, annotators: Sequence[str] = (), pairs: dict[str, Pair] | None = None) -> list[Comparison]:
        """The answers that hold, skips included, to pairs that are known.

        Args:
            annotators: whose; empty: everybody's.
            pairs: as `pairs` reads them, where they were read already.

        Raises:
            ApsiError: nobody of a name answered.
        """
        known = self.pairs() if pairs is None else pairs
        answers = self.answers()
        there = {answer.annotator for answer in answers}
        for name in annotators:
            if name not in there:
                raise ApsiError(
                    f"nobody named {name!r} answered in preference_dir={self.path}.{did_you_mean(name, there)}"
                )
        found = []
        for answer in standing(answers):
            if annotators and answer.annotator not in annotators:
                continue
            pair = known.get(answer.pair)
            side = None if pair is None else pair.side_of(answer.left)
            if pair is None or side is None:
                continue
            left, right = (pair.left, pair.right) if side == "left" else (pair.right, pair.left)
            found.append(Comparison(answer, left, right, pair.split, pair.source))
        return found


def standing(answers: Iterable[Answer]) -> list[Answer]:
    """The answers that were neither taken back nor replaced, in order; of two to one showing of a pair, the later."""
    held: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        if answer.undoes is not None:
            held.pop((answer.annotator, answer.undoes), None)
        if answer.answer is not None:
            held[answer.annotator, answer.id] = answer
    latest = {(one.annotator, one.pair, one.is_repeat): one.id for one in held.values()}
    return [one for one in held.values() if latest[one.annotator, one.pair, one.is_repeat] == one.id]
