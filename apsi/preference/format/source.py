"""Pairs of crops of one photo, as apsi's forerunner kept them: `preference_pairs.json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import NonNegativeFloat

from apsi.crops.boxes import Record, corners, require_order, to_shares
from apsi.crops.files import numbers
from apsi.errors import ApsiError
from apsi.photo import Floats
from apsi.preference.answer import Answer
from apsi.preference.format.base import Format, Imported, answer_id, answer_to
from apsi.preference.format.crops import corners_or_sizes, crop_recipe
from apsi.preference.format.files import at, objects, parse, read_text, short, text_of, time_of
from apsi.preference.format.names import Names
from apsi.preference.pair import Pair

_AUTO, _CORNERS = "auto", "x1 y1 x2 y2"
_LEFT, _RIGHT, _NONE = ("1", "a"), ("2", "b"), ("", "-1", "none", "null")


@dataclass(frozen=True)
class Source(Format):
    """JSON: a list of `{"image": ..., "crop_a": [x1, y1, x2, y2], "crop_b": ..., "preference": 1}`.

    Or an object with this list as `pairs`. Boxes are pixels of the upright photo, or shares of its sides where no
    number of the file is above 1. `preference` is 1 or "a" where A is better, 2 or "b" where B is; null, -1 or none at
    all: nobody was asked yet. `annotator` and `time` may stand beside it. A stands left.
    """

    zero: Literal["tie", "skip", "unanswered"]
    """what the preference 0 means"""
    annotator: str
    """who answered, where the file names nobody"""
    order: str
    """of the four numbers of a box, such as `x1 y1 x2 y2`; `auto`: that, unless all may be x, y, width, height"""
    slack: NonNegativeFloat
    """pixels by which a box may reach beyond the photo, and is cut off there"""
    skip_missing: bool
    """leave out pairs in pixels whose photos are not in the data set; otherwise they are an error"""

    kind = "source"

    def __post_init__(self) -> None:
        if self.order != _AUTO:
            require_order(self.order, "preference.format.order")

    @property
    def _order(self) -> str:
        return _CORNERS if self.order == _AUTO else self.order

    def read(self, path: Path, names: Names) -> Imported:
        content = parse(read_text(path), str(path))
        entries = objects(content.get("pairs") if isinstance(content, dict) else content, path, "a list of pairs")
        boxes = np.array([self._boxes(entry, path, n) for n, entry in enumerate(entries, 1)], np.float64)
        in_shares = bool(np.abs(boxes).max() <= 1)
        images = []
        for number, entry in enumerate(entries, start=1):
            with at(f"{path}, entry {number}"):
                images.append(text_of(entry, "image"))
                names.found(images[-1])
        names.look_at(dict.fromkeys(images))
        used = self._with_photos(path, images, in_shares, names)
        records = [_record(path, image, which, boxes, self._order) for image, which in used.items()]
        sizes = [(1.0, 1.0) if in_shares else names.size(image) or (0, 0) for image in used]
        shares = np.zeros_like(boxes)
        for which, own in zip(used.values(), self._shares(records, sizes, in_shares), strict=True):
            shares[which] = own.reshape(-1, 2, 4)
        doubt = corners_or_sizes(records, sizes, 0 if in_shares else self.slack) if self.order == _AUTO else ""
        pairs, answers = list[Pair](), list[Answer]()
        for i in sorted(i for which in used.values() for i in which):
            with at(f"{path}, entry {i + 1}"):
                left, right = (names.version(images[i], crop_recipe(box)) for box in shares[i])
                pair = names.pair(left, right, self.kind)
                pairs.append(pair)
                answers += self._answer(entries[i], pair, left.key, path)
        notes = self._notes(entries, len(entries) - len(pairs))
        return Imported(pairs, answers, [*notes, doubt] if doubt else notes)

    def _boxes(self, entry: dict[str, Any], path: Path, number: int) -> list[list[float]]:
        return [
            numbers(entry.get(key, ()), f"{path}, entry {number}, {key} ({self._order})", 4)
            for key in ("crop_a", "crop_b")
        ]

    def _with_photos(self, path: Path, images: Sequence[str], in_shares: bool, names: Names) -> dict[str, list[int]]:
        """The entries of each image, without those whose sizes can't be known."""
        found: dict[str, list[int]] = {}
        for i, image in enumerate(images):
            if in_shares or names.found(image) is not None:
                found.setdefault(image, []).append(i)
            elif not self.skip_missing:
                raise ApsiError(
                    f"{path}, entry {i + 1}: {image!r} is not among the photos of dataset=, and boxes in pixels are "
                    "held against their photo: dataset=folder dataset.path=FOLDER, or leave such pairs out with "
                    "preference.format.skip_missing=true"
                )
        if not found:
            raise ApsiError(f"{path} names no photo of dataset=; give their folder: dataset=folder dataset.path=FOLDER")
        return found

    def _shares(self, records: Sequence[Record], sizes: Sequence[tuple[float, float]], in_shares: bool) -> list[Floats]:
        try:
            return to_shares(records, sizes, _Reading(self._order, self.slack, in_shares))
        except ApsiError as error:  # which names the settings of the group `crops`
            text = str(error).replace("crops.root= ", "dataset.path ").replace("crops.", "preference.format.")
            raise ApsiError(text) from error

    def _answer(self, entry: dict[str, Any], pair: Pair, left: str, path: Path) -> list[Answer]:
        said = self._said(entry.get("preference"))
        if said is None:
            return []
        annotator = text_of(entry, "annotator", self.annotator)
        when = time_of(text_of(entry, "time", ""), path)
        return [answer_to(pair, left, said, id=answer_id(self.kind, entry, annotator), annotator=annotator, time=when)]

    def _said(self, preference: Any) -> str | None:
        if preference is None:
            return None
        word = str(preference).strip().lower() if type(preference) in (int, str) else "?"
        if word == "0":
            return None if self.zero == "unanswered" else self.zero
        for words, said in ((_LEFT, "left"), (_RIGHT, "right"), (_NONE, None)):
            if word in words:
                return said
        raise ApsiError(
            f"preference={short(preference)} must be 1 or a (A is better), 2 or b (B is better), 0 "
            "(preference.format.zero says what that means), or null or -1 (not answered yet)"
        )

    def _notes(self, entries: Sequence[dict[str, Any]], left_out: int) -> list[str]:
        words = [str(entry.get("preference")).strip().lower() for entry in entries]
        zeros, unanswered = words.count("0"), sum(word in _NONE for word in words)
        notes = [f"{left_out} pairs are left out: their photos are not in the data set"] if left_out else []
        if zeros and not unanswered and self.zero != "unanswered":
            notes.append(
                f"{zeros} of {len(words)} preferences are 0 and none says that nobody was asked: if 0 says so in this "
                f"file, they were no {self.zero}; import it with preference.format.zero=unanswered instead"
            )
        return notes


@dataclass(frozen=True)
class _Reading:
    """How boxes were read, for what is said where that was wrong."""

    order_read: str
    slack: float
    unit_is_shares: bool
    root: str = ""

    def how_to_say(self, order: str) -> str:
        return f"preference.format.order='{order}'"


def _record(path: Path, image: str, which: Sequence[int], boxes: Floats, order: str) -> Record:
    own = boxes[list(which)].reshape(-1, 4)
    places = [f"entry {i + 1}, {key}" for i in which for key in ("crop_a", "crop_b")]
    return Record(image, str(path), corners(own, order), places, np.full(len(own), np.nan))
