"""What becomes of starred photos: a list, a data set of their own, pairs for people to choose between."""

import csv
import io
import json
import logging
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from apsi.browse.annotations import SKIPPED
from apsi.browse.below import read_below
from apsi.browse.facts import Told, facts_of
from apsi.browse.photos import Indexed
from apsi.browse.sources import Places
from apsi.errors import ApsiError
from apsi.pairs.base import PairContext, SortedPhoto
from apsi.pairs.making import next_round, unknown, with_sides
from apsi.pairs.photos import Photos as PhotoPairs
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.hash import seed_for
from apsi.photo.read import max_file_bytes
from apsi.photo.write import atomic
from apsi.preference.folder import PreferenceFolder
from apsi.preference.pair import Pair
from apsi.preference.split import Splits
from apsi.preprocess.base import SPLITS
from apsi.spreadsheet import guarded

_COLUMNS = ("name", "set", "split", "file", "sha256", "edits", "score", "initial_score", "width", "height")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RATIOS = (0.7, 0.15, 0.15)
_MAX_PIXELS = 50_000_000
log = logging.getLogger(__name__)


def as_csv(photos: Iterable[Indexed]) -> str:
    """One line a photo. Texts that a spreadsheet would take for a formula begin with an apostrophe."""
    buffer = io.StringIO()
    rows = csv.writer(buffer)
    rows.writerow(_COLUMNS)
    for photo in photos:
        texts = (photo.name, photo.set_name, photo.split, photo.file or "", photo.original, " ".join(photo.steps))
        figures = (photo.score, photo.initial, photo.width, photo.height)
        rows.writerow([*map(guarded, texts), *("" if figure is None else figure for figure in figures)])
    return buffer.getvalue()


def as_lines(photos: Iterable[Indexed]) -> str:
    """The names of the photos' own files, each once, one a line; what would be another line is written as in JSON."""
    names = dict.fromkeys(photo.name for photo in photos)
    return "".join(f"{name if name.isprintable() else json.dumps(name)}\n" for name in names)


@dataclass(frozen=True)
class Made:
    """A data set of starred photos."""

    folder: Path
    count: int
    left_out: int
    """photos whose original is not there any more"""


def make_dataset(photos: Sequence[Indexed], places: Places, parent: Path, now: datetime) -> Made:
    """A folder with the undegraded originals of photos, each once, at working size, and a COCO file of them.

    The file says of each what its own set said: licence, author, address, tags, scores. It is made beside and renamed
    when it is whole.

    Args:
        photos: starred ones.
        places: where their files lie.
        parent: gets the folder, `starred-<date>_<time>`.
        now: the time in its name.

    Raises:
        ApsiError: there is no original of any of them.
        OSError: it can't be written.
    """
    unique = list({(photo.original or photo.id, photo.version): photo for photo in photos}.values())
    folder = parent / f".starred-{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    try:
        told = facts_of(unique, places)
        added = [(photo, record) for photo in unique if (record := _added(photo, folder, places)) is not None]
        if not added:
            raise ApsiError("none of the starred photos has an original that is still there")
        records = [_with_facts(record, told.get(photo.id, Told())) for photo, record in added]
        info = {"description": f"{len(records)} starred photos"}
        cited = sorted({told[photo.id].citation for photo, _ in added if photo.id in told} - {""})
        write_coco(folder / "annotations.json", records, info | ({"citation": "; ".join(cited)} if cited else {}))
        target = parent / f"starred-{now:%Y-%m-%d_%H-%M-%S}"
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"starred-{now:%Y-%m-%d_%H-%M-%S}-{number}")
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Made(target, len(records), len(unique) - len(records))


def _added(photo: Indexed, folder: Path, places: Places) -> ImageRecord | None:
    """Copies the original of a photo into a data set; None: it has none."""
    data = _original(photo, places)
    if data is None or photo.original_file is None:
        return None
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", photo.original_file)[-80:]
    name = f"images/{photo.id:015x}-{plain}"
    with atomic(folder / name) as temporary:
        temporary.write_bytes(data)
    split = photo.split if photo.split in SPLITS else ""
    size = photo.width or 0, photo.height or 0
    return ImageRecord(name, *size, photo.name, photo.original, photo.version, split, score=photo.initial)


def _with_facts(record: ImageRecord, told: Told) -> ImageRecord:
    """With what was told of the photo; its score is that of the juror who is named, as sets may have different ones."""
    scores = dict(told.facts.scores)
    if told.juror and record.score is not None:
        scores[told.juror], record = record.score, replace(record, score=None)
    return replace(record, facts=replace(told.facts, scores=tuple(scores.items())))


def make_pairs(photos: Sequence[Indexed], folder: PreferenceFolder, count: int, seed: int) -> list[Pair]:
    """Adds pairs of starred photos as they are, each photo beside another of its split.

    Args:
        photos: starred ones.
        folder: of pairs; those that it has are not made again, and its photos stay in the splits that they have.
        count: pairs that are made, at most.
        seed: of the draws.

    Raises:
        ApsiError: there are no two photos of one split, or all their pairs are there.
        OSError: they can't be written.
    """
    known = folder.pairs()
    number = next_round(known.values())
    drawn = seed_for(seed, number)
    splits = Splits.of(known, seed, _RATIOS)
    sorted_photos = {
        photo.original: SortedPhoto(photo.original, photo.name, splits.known.get(photo.original, photo.split))
        for photo in photos
        if _SHA256.fullmatch(photo.original) and photo.split in SPLITS and photo.name
    }
    ordered = sorted(sorted_photos.values(), key=lambda photo: seed_for(drawn, "order", photo.hash))
    candidates = unknown(PhotoPairs().candidates(PairContext(ordered, lambda _: None, (), drawn)), known)
    made = {"round": number, "seed": seed, "select": "starred"}
    new = folder.add_pairs(with_sides(islice(candidates, count), "photos", made, drawn))
    if not new:
        raise ApsiError("all pairs of the starred photos are there already")
    return new


def _original(photo: Indexed, places: Places) -> bytes | None:
    if photo.original_file is None or photo.state == SKIPPED:
        return None
    parts = (photo.set_name, photo.split, "originals", photo.original_file)
    try:
        return read_below(places.prepared, parts, max_file_bytes(_MAX_PIXELS))
    except OSError as error:
        log.warning("A starred photo, %s, is left out: %s", photo.name, error.strerror)
        return None
