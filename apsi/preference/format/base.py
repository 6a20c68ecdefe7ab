"""The contract of formats, and adding what was read to a folder."""

import hashlib
import json
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from apsi import __version__
from apsi.errors import ApsiError
from apsi.preference.answer import Answer
from apsi.preference.folder import Comparison, PreferenceFolder
from apsi.preference.format.names import Names
from apsi.preference.pair import Pair
from apsi.preference.photos import Originals


@dataclass(frozen=True)
class Imported:
    """What a file holds."""

    pairs: Sequence[Pair]
    answers: Sequence[Answer]
    notes: Sequence[str] = ()
    """whole sentences: what was left out, what can't be told"""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    paths: Sequence[Path]
    """the file with the answers or tasks first"""
    written: int
    """number of these"""
    what: str = "answers"
    notes: Sequence[str] = ()
    """as of `Imported`"""


def names_note(comparisons: Sequence[Comparison]) -> str:
    """What is to be thought of before a file with these answers is given away."""
    count = len({comparison.answer.annotator for comparison in comparisons})
    return f"the file has the names of {count} people: give it to nobody without asking them"


@dataclass(frozen=True)
class Outgoing:
    """What is to be written."""

    pairs: Mapping[str, Pair]
    comparisons: Sequence[Comparison]
    """the answers that hold, skips included"""
    originals: Originals


class Format(ABC):
    """A kind of file with pairs, with answers, or with both."""

    kind: ClassVar[str]
    """what pairs out of such a file have as `source`: the option's name"""

    def read(self, path: Path, names: Names) -> Imported:
        """Everything in a file; nothing is changed.

        Raises:
            ApsiError: the first thing that is wrong, with file, place, value and remedy.
        """
        raise ApsiError(f"preference/format={self.kind} is only written; choose another to import")

    def write(self, outgoing: Outgoing, folder: Path) -> Exported:
        """Writes files into a folder.

        Raises:
            ApsiError: there is nothing that the format can hold, or a file of this name is there already.
        """
        raise ApsiError(f"preference/format={self.kind} is only read; export with csv, trl or label_studio")


@dataclass(frozen=True)
class Added:
    """What is new in a folder."""

    pairs: int
    answers: int
    known: int
    """answers that were there already"""
    annotators: Sequence[str]
    """of the new answers"""


def add(folder: PreferenceFolder, imported: Imported) -> Added:
    """Adds what the folder does not have yet; of an answer that it has, by annotator and id, nothing changes."""
    there = {(answer.annotator, answer.id) for answer in folder.answers()}
    new: dict[tuple[str, str], Answer] = {}
    for answer in imported.answers:
        if (answer.annotator, answer.id) not in there:
            new.setdefault((answer.annotator, answer.id), answer)
    pairs = folder.add_pairs(imported.pairs)
    folder.add_answers(list(new.values()))
    annotators = sorted({annotator for annotator, _ in new})
    return Added(len(pairs), len(new), len(imported.answers) - len(new), annotators)


def answer_id(kind: str, entry: Any, annotator: str) -> str:
    """The id of an answer that has none in its file: the same each time that the same entry is read."""
    text = json.dumps([kind, entry, annotator], sort_keys=True)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def answer_to(pair: Pair, left: str, said: Any, **fields: Any) -> Answer:
    """An answer out of a file.

    Args:
        pair: what was asked.
        left: key of the version that stood left.
        said: left, right, tie or skip.
        fields: of `Answer`; milliseconds are 0 where nobody measured them.

    Raises:
        ApsiError: a field holds what no answer does.
    """
    if said is None:
        raise ApsiError("an answer must be one of left, right, tie, skip")
    defaults: dict[str, Any] = {"milliseconds": 0, "apsi": __version__}
    return Answer(pair=pair.id, left=left, answer=said, **defaults | fields)
