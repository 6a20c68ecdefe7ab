"""Comparisons for tests of formats."""

from collections.abc import Iterable, Mapping
from typing import Any

from apsi.preference.folder import Comparison
from apsi.preference.format.base import Imported
from apsi.preference.pair import Pair, Version
from tests.preference.made import answer

SAID = ("left", "right", "tie", "skip")


def comparisons_of(hashes: Mapping[str, str]) -> tuple[dict[str, Pair], list[Comparison]]:
    """Both people answer a pair of crops and a pair of edits of each photo, the second with its sides exchanged."""
    pairs, found = {}, []
    for name, photo in hashes.items():
        crop, edit, plain = (
            Version(photo, name, recipe)
            for recipe in (("crop(0.100,0.000,0.900,1.000)", "exposure_up"), ("exposure(+0.200)",), ())
        )
        for left, right in ((crop, plain), (edit, crop)):
            pair = Pair(left, right, "train", "anchors")
            pairs[pair.id] = pair
            for k, annotator in enumerate(("Ann", "Bob")):
                said = SAID[len(found) % 4]
                sides = (left, right) if k == 0 else (right, left)
                given = answer(pair, said, annotator, left=sides[0].key, is_repeat=k == 1, reason=(None, "light")[k])
                found.append(Comparison(given, *sides, pair.split, pair.source))
    return pairs, found


def known(comparisons: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Comparisons in an order of their own, as they can be compared."""
    rows = [
        vars(one.answer) | {"versions": (one.left, one.right), "split": one.split, "source": one.source}
        for one in comparisons
    ]
    return sorted(rows, key=lambda row: str((row["annotator"], row["id"])))


def standing_in(imported: Imported) -> list[Comparison]:
    """What a folder would say of what was read."""
    pairs = {pair.id: pair for pair in imported.pairs}
    found = []
    for given in imported.answers:
        pair = pairs[given.pair]
        sides = (pair.left, pair.right) if pair.side_of(given.left) == "left" else (pair.right, pair.left)
        found.append(Comparison(given, *sides, pair.split, pair.source))
    return found
