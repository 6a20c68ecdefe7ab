"""FCDB: a best crop for each photo, and pairs of crops with the votes of five people."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from apsi.crops.base import AnnotatedPhoto, CropAnnotations
from apsi.crops.boxes import Record, corners, to_shares
from apsi.crops.files import numbers, read_json
from apsi.errors import ApsiError

_ORDER = "x y width height"
_SCALES = (0.5, 0.6, 0.7, 0.8)
"""Sides of the compared crops as shares of the photo's: all photos of the published file have all four"""


@dataclass(frozen=True)
class Fcdb(CropAnnotations):
    """JSON: a list of `{"url": ..., "crop": [x, y, width, height]}`, or of `{"url": ..., "crops": [pair, ...]}`.

    Chen et al.: "Quantitative analysis of automatic image cropping algorithms: a dataset and comparative study", WACV
    2017. The first are `cropping_training_set.json` and `cropping_testing_set.json`, the second
    `ranking_annotation.json`, whose pairs are `{"crop_0": [x, y, width, height], "crop_1": ..., "vote_for_0": ...,
    "vote_for_1": ...}`. Photos have the name at the end of their address.
    """

    @property
    def order_read(self) -> str:
        return _ORDER

    def how_to_say(self, order: str) -> str:
        return "so in another file: crops=csv reads it"

    def records(self) -> list[Record]:
        return list(_records(Path(self.annotations).expanduser()))


@dataclass(frozen=True)
class _WithoutPhotos:
    """How boxes are read whose photos are not there."""

    root: str = ""
    slack: float = 2.0
    unit_is_shares: bool = False
    order_read: str = _ORDER

    def how_to_say(self, order: str) -> str:
        return "so in another file"


def read_ranking(path: Path) -> list[AnnotatedPhoto]:
    """The compared pairs of `ranking_annotation.json`, without the photos.

    How large these are follows from their crops, whose sides are 0.5, 0.6, 0.7 and 0.8 of the photo's.

    Raises:
        ApsiError: the file is missing or not what it should be, or crops have other sizes.
    """
    records = list(_records(path))
    sizes = [_size_by_crops(record) for record in records]
    boxes = to_shares(records, sizes, _WithoutPhotos())
    return [
        AnnotatedPhoto(record.name, own, record.scores, record.are_best, record.pairs)
        for record, own in zip(records, boxes, strict=True)
    ]


def _size_by_crops(record: Record) -> tuple[float, float]:
    """Height and width of the photo, to a pixel."""
    sides = np.unique((record.boxes[:, 2:] - record.boxes[:, :2]).max(axis=1))
    wanted = np.multiply(_SCALES, sides.max() / _SCALES[-1])
    if record.are_best or len(sides) != len(wanted) or np.abs(sides - wanted).max() > 1.5:
        raise ApsiError(
            f"{record.source}: the crops of {record.name} have longer sides of {sides.tolist()} pixels, which are not "
            f"{_SCALES} of a photo's: its size does not follow. Take ranking_annotation.json as it was published"
        )
    width, height = (record.boxes[:, 2:] - record.boxes[:, :2]).max(axis=0) / _SCALES[-1]
    return float(height), float(width)


def _records(path: Path) -> Iterator[Record]:
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise ApsiError(f"{path} must be a list of photos, as FCDB has it; fetch it again")
    for number, entry in enumerate(entries, start=1):
        place = f"photo {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
            raise ApsiError(f"{path}, {place}: there is no url in {json.dumps(entry)[:80]}; fetch the file again")
        name = unquote(urlsplit(entry["url"]).path).rpartition("/")[2]
        if "crops" in entry:
            yield _compared(name, path, place, entry["crops"])
        elif "crop" in entry:
            box = numbers(entry["crop"], f"{path}, {place}, crop", 4)
            boxes = corners(np.array([box], np.float64), _ORDER)
            yield Record(name, str(path), boxes, [place], np.array([np.nan]), are_best=True)
        else:
            raise ApsiError(f"{path}, {place}: {name} has neither crop nor crops; fetch the file again")


def _compared(name: str, path: Path, place: str, pairs: Any) -> Record:
    """The crops of a photo, each once, and the pairs of them."""
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, dict) for pair in pairs):
        raise ApsiError(f"{path}, {place}: crops must be a list of pairs; fetch the file again")
    rows: dict[tuple[float, ...], int] = {}
    places, compared = [], []
    for number, pair in enumerate(pairs, start=1):
        here = f"{place}, pair {number}"
        ends = []
        for which in ("crop_0", "crop_1"):
            box = tuple(numbers(pair.get(which, ()), f"{path}, {here}, {which}", 4))
            if box not in rows:
                places.append(f"{here}, {which}")
            ends.append(rows.setdefault(box, len(rows)))
        compared.append([*ends, *_votes(pair, f"{path}, {here}")])
    boxes = corners(np.array(list(rows), np.float64), _ORDER)
    return Record(name, str(path), boxes, places, np.full(len(rows), np.nan), pairs=np.array(compared, np.int64))


def _votes(pair: dict[str, Any], place: str) -> Sequence[int]:
    votes = [pair.get("vote_for_0"), pair.get("vote_for_1")]
    if not all(isinstance(vote, int) and not isinstance(vote, bool) and vote >= 0 for vote in votes):
        raise ApsiError(f"{place}: votes must be whole numbers from 0, not {votes}; correct them")
    return [int(vote) for vote in votes if vote is not None]
