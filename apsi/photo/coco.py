"""COCO annotation files: photos with scores, and one annotation a transformation."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.photo.facts import NO_FACTS, Licences, PhotoFacts
from apsi.photo.write import atomic

SUPERCATEGORY = "transformation"


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of a COCO file; what the standard does not know stands in further keys, as the format allows."""

    file_name: str
    width: int
    height: int
    source: str
    """the file it came from, below the data set's root"""
    original: str
    """SHA-256 of that file: what splits keep together"""
    version: int = 0
    """0 is the whole photo, others are random crops and flips of it"""
    split: str = ""
    original_file_name: str | None = None
    """the undegraded image, in the folder `originals` beside `images`"""
    score: float | None = None
    """the juror's score of this image"""
    initial_score: float | None = None
    """the juror's score of the undegraded original"""
    transformations: tuple[str, ...] = ()
    """labels of what was done to the original, in order"""
    facts: PhotoFacts = NO_FACTS
    """what is known of the photo that it came from"""


_KEYS = tuple(field.name for field in fields(ImageRecord) if field.name not in ("transformations", "facts"))


def write_coco(path: Path, records: Sequence[ImageRecord], info: dict[str, Any]) -> None:
    """Writes a COCO file atomically; pycocotools loads it.

    The `licence` in `info` is that of every image which has none of its own.
    """
    labels = sorted({label for record in records for label in record.transformations})
    categories = {label: i for i, label in enumerate(labels, start=1)}
    of_all = PhotoFacts(info["licence"]) if "licence" in info else NO_FACTS
    licences: Licences = {}
    of_all.as_coco(licences)
    for record in records:
        record.facts.as_coco(licences)
    parts = {  # a line an entry, each made when it is written: there may be many
        "images": (
            {"id": i, **_own_keys(record), **of_all.with_more(record.facts).as_coco(licences)}
            for i, record in enumerate(records, start=1)
        ),
        "annotations": _annotations(records, categories),
        "categories": ({"id": i, "name": name, "supercategory": SUPERCATEGORY} for name, i in categories.items()),
    }
    if licences:
        parts["licenses"] = ({"id": i, "name": name, "url": url} for (name, url), i in licences.items())
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(info, ensure_ascii=False)}')
        for name, entries in parts.items():
            file.write(f',\n"{name}": [')
            for i, entry in enumerate(entries):
                file.write(f"{',' if i else ''}\n{json.dumps(entry, ensure_ascii=False)}")
            file.write("\n]")
        file.write("\n}\n")


def _own_keys(record: ImageRecord) -> dict[str, Any]:
    return {key: value for key in _KEYS if (value := getattr(record, key)) is not None}


def _annotations(records: Sequence[ImageRecord], categories: dict[str, int]) -> Iterator[dict[str, Any]]:
    number = count(1)
    for image_id, record in enumerate(records, start=1):
        for sequence, label in enumerate(record.transformations):
            yield {
                "id": next(number),
                "image_id": image_id,
                "category_id": categories[label],
                "sequence": sequence,
                "bbox": [0, 0, record.width, record.height],
                "area": record.width * record.height,
                "iscrowd": 0,
            }


def read_coco(path: Path) -> tuple[list[ImageRecord], dict[str, Any]]:
    """Reads what `write_coco` wrote: the records and the file's `info`.

    Raises:
        ApsiError: missing, not JSON, or without the keys apsi writes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {category["id"]: category["name"] for category in content["categories"]}
        done: dict[int, list[tuple[int, str]]] = {}
        for a in content["annotations"]:
            done.setdefault(a["image_id"], []).append((a["sequence"], names[a["category_id"]]))
        licences = {entry["id"]: (entry["name"], entry.get("url", "")) for entry in content.get("licenses", ())}
        records = []
        for image in content["images"]:
            labels = tuple(label for _, label in sorted(done.get(image["id"], [])))
            own = {key: image[key] for key in _KEYS if key in image}
            facts = PhotoFacts.from_coco(image, licences)
            records.append(ImageRecord(**own, transformations=labels, facts=facts))
        return records, content["info"]
    except FileNotFoundError as error:
        raise ApsiError(f"{path} does not exist; prepare the data again with task=preprocess") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ApsiError(
            f"{path} is not an annotation file of apsi ({error!r}); delete its folder and prepare again"
        ) from error
