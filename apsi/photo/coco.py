"""COCO annotation files: photos with scores, and one annotation a transformation."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.photo.write import write_text

SUPERCATEGORY = "transformation"


@dataclass(frozen=True)
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


def write_coco(path: Path, records: Sequence[ImageRecord], info: dict[str, Any]) -> None:
    """Writes a COCO file atomically; pycocotools loads it."""
    labels = sorted({label for record in records for label in record.transformations})
    categories = {label: i for i, label in enumerate(labels, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, record in enumerate(records, start=1):
        entry = asdict(record)
        transformations = entry.pop("transformations")
        images.append({"id": image_id} | {key: value for key, value in entry.items() if value is not None})
        for sequence, label in enumerate(transformations):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": categories[label],
                    "sequence": sequence,
                    "bbox": [0, 0, record.width, record.height],
                    "area": record.width * record.height,
                    "iscrowd": 0,
                }
            )
    content = {
        "info": info,
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i, "name": name, "supercategory": SUPERCATEGORY} for name, i in categories.items()],
    }
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1))


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
        records = []
        for image in content["images"]:
            labels = tuple(label for _, label in sorted(done.get(image["id"], [])))
            fields = {key: image[key] for key in ImageRecord.__dataclass_fields__ if key in image}
            records.append(ImageRecord(**fields, transformations=labels))
        return records, content["info"]
    except FileNotFoundError as error:
        raise ApsiError(f"{path} does not exist; prepare the data again with task=preprocess") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ApsiError(
            f"{path} is not an annotation file of apsi ({error!r}); delete its folder and prepare again"
        ) from error
