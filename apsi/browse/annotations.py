"""Photos of annotation files, whoever wrote them: what does not fit is left out or empty, never believed."""

import csv
import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import IO, Any, NamedTuple

from apsi.browse.below import is_plain
from apsi.browse.stream import JsonStream
from apsi.errors import ApsiError
from apsi.photo.coco import SUPERCATEGORY, ImageRecord

KEPT, DROPPED, SKIPPED = STATES = ("kept", "dropped", "skipped")
"""A photo that is there; a degraded one that scored no worse than its original; a file that could not be used"""
_MOST = 2_000_000  # entries of a file
_MAX_STEPS, _MAX_META = 200, 40
_TEXT = 500  # characters
_KNOWN = frozenset({"id", *ImageRecord.__dataclass_fields__})
_USUAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,254}")
"""What names of files are mostly made of"""
_LICENCE = "license"  # as COCO spells it


class Entry(NamedTuple):
    """One photo as a file tells of it."""

    id: int
    state: str
    set: str
    split: str
    name: str
    """the file that it was made from, for people"""
    file: str | None
    """in the folder `images` of its split; None where the name is none"""
    original_file: str | None
    """likewise in `originals`"""
    original: str
    """SHA-256 of the file that it was made from"""
    version: int
    width: int | None
    height: int | None
    score: float | None
    initial: float | None
    steps: str = ""
    """labels of what was done to the original, a space between them"""
    meta: str = "{}"
    """what else the file says of it: JSON, texts by names"""
    reason: str = ""
    """why it was skipped"""


_STEPS = Entry._fields.index("steps")


@dataclass
class _Read:
    entries: list[tuple[object, Entry]] = field(default_factory=list)
    """with the number that the file has for each"""
    seen: set[int] = field(default_factory=set)
    steps: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    licences: dict[int, str] = field(default_factory=dict)


def photo_id(*identity: str) -> int:
    """A number of 60 bits that a photo keeps however often the index is made anew."""
    return int.from_bytes(hashlib.sha256("\0".join(identity).encode("utf-8", "replace")).digest()[:8]) >> 4


def read_annotations(
    file: IO[bytes], set_name: str, split: str, state: str = KEPT
) -> tuple[list[Entry], dict[str, Any]]:
    """The photos of a COCO file, each once, and its `info`.

    Args:
        file: opened.
        set_name: of the prepared set.
        split: of its photos; empty: as each says itself.
        state: of its photos.

    Raises:
        ApsiError: it is no such file.
    """
    read = _Read()
    info: dict[str, Any] = {}
    count, is_coco = 0, False
    for key, value in JsonStream(file):
        count += 1
        if count > 10 * _MOST or len(read.entries) >= _MOST:
            raise ApsiError(f"it has more than {_MOST:,} photos")
        is_coco |= key == "images"
        if not isinstance(value, dict):
            continue
        if key == "images":
            entry = _entry(value, set_name, split, state, count)
            if entry.id not in read.seen:
                read.seen.add(entry.id)
                read.entries.append((value.get("id"), entry))
        elif key == "annotations":
            _add_step(read, value)
        elif key in ("categories", "licenses"):
            _add_name(read, key, value)
        elif key == "info":
            info = value
    if not is_coco:
        raise ApsiError("it lists no images, as an annotation file does")
    return [_whole(read, number, entry) for number, entry in read.entries], info


def read_skips(file: IO[bytes], set_name: str) -> Iterator[Entry]:
    """The files that a `skipped.csv` lists.

    Raises:
        ApsiError: it is no such file.
    """
    with TextIOWrapper(file, "utf-8", errors="replace", newline="") as text:
        try:
            for number, row in enumerate(csv.DictReader(text)):
                if number >= _MOST:
                    raise ApsiError(f"it has more than {_MOST:,} lines")
                name = text_of(row.get("file"))
                known = (photo_id(set_name, SKIPPED, name), SKIPPED, set_name, "", name)
                yield Entry(*known, None, None, "", 0, None, None, None, None, reason=text_of(row.get("reason")))
        except csv.Error as error:
            raise ApsiError(f"it is no table ({error})") from error


def number_of(value: object) -> float | None:
    """A finite number; None for all else."""
    if type(value) is float and -math.inf < value < math.inf:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def text_of(value: object, most: int = _TEXT) -> str:
    """As text that can be stored and shown: of one line, not too long."""
    if type(value) is str and len(value) <= most and value.isascii() and "\0" not in value:
        return value
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = text[: most + 1].encode("utf-8", "replace").decode().replace("\0", "")
    return text if len(text) <= most else text[: most - 1] + "…"


def _entry(image: dict[str, Any], set_name: str, split: str, state: str, place: int) -> Entry:
    """What an entry says, but for its steps, which stand elsewhere in the file."""
    get = image.get
    file, own_split = _file(get("file_name")), split or text_of(get("split"), 40)
    return Entry(
        photo_id(set_name, own_split, state, file or f"/{place}"),
        state,
        set_name,
        own_split,
        text_of(get("source")) or text_of(get("file_name")),
        file,
        _file(get("original_file_name")),
        text_of(get("original"), 64),
        _count(get("version")) or 0,
        _count(get("width")),
        _count(get("height")),
        number_of(get("score")),
        number_of(get("initial_score")),
        meta=_meta(image) if image.keys() - _KNOWN else "{}",
    )


def _meta(image: dict[str, Any]) -> str:
    further = [(key, value) for key, value in image.items() if key not in _KNOWN and value is not None]
    return json.dumps({text_of(key, 80): _short(value) for key, value in further[:_MAX_META]}, ensure_ascii=False)


def _short(value: Any) -> str | int:
    if isinstance(value, int) and abs(value) < 2**53:  # a licence is a number of another list
        return value
    if isinstance(value, str | int | float):
        return text_of(value)
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return text_of(", ".join(text_of(one, 80) for one in value[:50]))
    return text_of(json.dumps(value, ensure_ascii=False))


def _whole(read: _Read, number: object, entry: Entry) -> Entry:
    """With its steps, and the licence that its number stands for."""
    done = read.steps.get(number) if isinstance(number, int) else None
    if done:
        if len(done) > 1:
            done.sort()
        steps = " ".join([read.labels[kind] for _, kind in done if kind in read.labels])
        entry = Entry._make((*entry[:_STEPS], steps, *entry[_STEPS + 1 :]))  # _replace takes four times as long
    if read.licences and _LICENCE in entry.meta:
        meta = json.loads(entry.meta)
        if (licence := read.licences.get(meta.get(_LICENCE))) is not None:
            entry = entry._replace(meta=json.dumps(meta | {_LICENCE: licence}, ensure_ascii=False))
    return entry


def _add_step(read: _Read, value: dict[str, Any]) -> None:
    image, category, sequence = value.get("image_id"), value.get("category_id"), value.get("sequence")
    if isinstance(image, int) and isinstance(category, int):
        done = read.steps.setdefault(image, [])
        if len(done) < _MAX_STEPS:
            done.append((sequence if isinstance(sequence, int) else len(done), category))


def _add_name(read: _Read, key: str, value: dict[str, Any]) -> None:
    number = value.get("id")
    if not isinstance(number, int):
        return
    if key == "licenses":
        read.licences[number] = text_of(" ".join(str(value[k]) for k in ("name", "url") if value.get(k)))
    elif value.get("supercategory") == SUPERCATEGORY:
        read.labels[number] = "_".join(text_of(value.get("name"), 100).split())


def _file(name: object) -> str | None:
    if isinstance(name, str) and _USUAL.fullmatch(name):
        return name
    return name if isinstance(name, str) and len(name) <= 255 and is_plain(name) and text_of(name) == name else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None
