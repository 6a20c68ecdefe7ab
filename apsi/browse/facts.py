"""What annotation files say of photos beside their figures: whose they are, where they are from, who scored them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apsi.browse.annotations import DROPPED, number_of, text_of
from apsi.browse.below import open_below
from apsi.browse.photos import Indexed
from apsi.browse.sources import ANNOTATIONS, DROPPED_FILE, Places
from apsi.browse.stream import JsonStream
from apsi.dataset.sidecar import require_web_address
from apsi.errors import ApsiError
from apsi.photo.facts import NO_FACTS, PhotoFacts

_MAX_BYTES = 8 * 1024**3
_LONGEST, _MOST = 2000, 200  # letters of a text; tags and scores of a photo
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """What the file that a photo stands in says."""

    facts: PhotoFacts = NO_FACTS
    juror: str = ""
    """whose scores it holds"""
    citation: str = ""
    """of the work to name"""


def facts_of(photos: Iterable[Indexed], places: Places) -> dict[int, Told]:
    """By the ids of photos; one whose file can't be read any more is told nothing of."""
    by_file: dict[tuple[str, ...], list[Indexed]] = {}
    for photo in photos:
        own = (DROPPED_FILE,) if photo.state == DROPPED else (photo.split, ANNOTATIONS)
        by_file.setdefault((photo.set_name, *own), []).append(photo)
    found: dict[int, Told] = {}
    for parts, some in by_file.items():
        try:
            found |= dict(_read(parts, some, places))
        except (ApsiError, OSError) as error:
            log.warning("%s says nothing of starred photos: %s", places.prepared.joinpath(*parts), error)
    return found


def _read(parts: tuple[str, ...], photos: list[Indexed], places: Places) -> Iterator[tuple[int, Told]]:
    wanted = {(photo.file, photo.split): photo.id for photo in photos if photo.file is not None}
    images: dict[int, Mapping[str, Any]] = {}
    licences: dict[int, tuple[str, str]] = {}
    info: Mapping[str, Any] = {}
    with open_below(places.prepared, parts, _MAX_BYTES) as file:
        for key, value in JsonStream(file):
            if not isinstance(value, dict):
                continue
            if key == "images":
                split = value.get("split") if parts[-1] == DROPPED_FILE else parts[1]
                number = wanted.get((text_of(value.get("file_name"), _LONGEST), text_of(split)))
                if number is not None:
                    images.setdefault(number, value)
            elif key == "licenses" and isinstance(value.get("id"), int):
                licences[value["id"]] = text_of(value.get("name"), _LONGEST), _address(value.get("url"))
            elif key == "info":
                info = value
    whose = text_of(info.get("juror")), text_of(info.get("citation"), _LONGEST)
    for number, image in images.items():
        yield number, Told(_facts(image, licences), *whose)


def _facts(image: Mapping[str, Any], licences: Mapping[int, tuple[str, str]]) -> PhotoFacts:
    number, tags, scores = (image.get(key) for key in ("license", "tags", "known_scores"))
    name, url = licences.get(number, ("", "")) if isinstance(number, int) else ("", "")
    tags = [text_of(tag) for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    figures = (
        [(text_of(whose), number_of(score)) for whose, score in scores.items()] if isinstance(scores, dict) else []
    )
    return PhotoFacts(
        name or url,
        url,
        text_of(image.get("author"), _LONGEST),
        _address(image.get("source_url")),
        tuple(dict.fromkeys(tag for tag in tags if tag))[:_MOST],
        tuple((whose, score) for whose, score in figures if score is not None)[:_MOST],
    )


def _address(value: object) -> str:
    """A web address; empty for all else, which no page is to make a link of."""
    text = text_of(value, _LONGEST)
    try:
        require_web_address(text, "address")
    except ApsiError:
        return ""
    return text
