"""The votes of FCDB as answers."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apsi.crops.base import AnnotatedPhoto
from apsi.crops.fcdb import read_ranking
from apsi.errors import ApsiError
from apsi.photo import Ints
from apsi.photo.hash import seed_for
from apsi.preference.answer import Answer
from apsi.preference.format.base import Format, Imported, answer_id, answer_to
from apsi.preference.format.crops import crop_recipe
from apsi.preference.format.files import at, read_text, require_few, time_of
from apsi.preference.format.names import Names
from apsi.preference.pair import Pair, Version

_MOST_VOTES = 100
"""For one pair"""


@dataclass(frozen=True)
class FcdbVotes(Format):
    """`ranking_annotation.json` of FCDB (Chen et al., WACV 2017): pairs of crops with five votes each.

    The file counts votes and says of none whose it is. So `fcdb-1` to `fcdb-5` are no persons: who of them gave which
    vote of a pair is drawn by its content. How often two voters agree is as in the file, how one of them votes is only
    what all do. `crop_0` stands left.
    """

    kind = "fcdb"

    def read(self, path: Path, names: Names) -> Imported:
        read_text(path)  # what is wrong with the file as such is said as for every format
        photos = read_ranking(path)
        require_few(sum(len(photo.pairs) for photo in photos), path)
        when = time_of("", path)
        for photo in photos:
            with at(f"{path}, {photo.name}"):
                names.found(photo.name)
        names.look_at([photo.name for photo in photos])
        pairs, answers = list[Pair](), list[Answer]()
        alike = 0
        for photo in photos:
            with at(f"{path}, {photo.name}"):
                found, given, same = _of_photo(photo, names, when)
            pairs += found
            answers += given
            alike += same
        notes = ["FCDB counts votes: fcdb-1, fcdb-2, ... are no persons, and figures of a single one say nothing"]
        if alike:
            notes.append(f"{alike} pairs are left out: their crops are the same to a thousandth")
        return Imported(pairs, answers, notes)


def _of_photo(photo: AnnotatedPhoto, names: Names, when: str) -> tuple[list[Pair], list[Answer], int]:
    versions = [names.version(photo.name, crop_recipe(box)) for box in photo.boxes]
    pairs, answers, alike, seen = list[Pair](), list[Answer](), 0, Counter[str]()
    for first, second, *votes in photo.pairs.tolist():
        left, right = versions[first], versions[second]
        if left.key == right.key:
            alike += 1
            continue
        if sum(votes) > _MOST_VOTES:
            raise ApsiError(f"{sum(votes)} votes for one pair; at most {_MOST_VOTES} are read: correct it")
        pair = names.pair(left, right, FcdbVotes.kind)
        pairs.append(pair)
        entry = [photo.name, left.recipe, right.recipe, votes]
        seen[str(entry)] += 1
        entry.append(seen[str(entry)])
        answers += _votes(pair, left, entry, votes, when)
    return pairs, answers, alike


def _votes(pair: Pair, left: Version, entry: list[object], votes: list[int], when: str) -> list[Answer]:
    said = np.repeat(["left", "right"], votes)
    order: Ints = np.random.default_rng(seed_for("votes", str(entry))).permutation(len(said))
    found = []
    for number, which in enumerate(order, start=1):
        annotator = f"fcdb-{number}"
        identity = answer_id(FcdbVotes.kind, entry, annotator)
        found.append(answer_to(pair, left.key, str(said[which]), id=identity, annotator=annotator, time=when))
    return found
