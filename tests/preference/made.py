"""Pairs and answers for tests."""

from itertools import count
from typing import Any

from apsi.photo.box import Box
from apsi.preference.answer import Answer
from apsi.preference.pair import Pair, Version
from apsi.transform.crop import Crop

_NUMBER = count()


def version(photo: int = 0, *labels: str) -> Version:
    return Version(f"{photo:064x}", f"{photo}.jpg", labels)


def pair(photo: int = 0, left: float = 0.6, right: float = 0.9, split: str = "train") -> Pair:
    """Two crops of a photo, from the top left to these shares of both sides."""
    first, second = (version(photo, Crop(Box(0, 0, side, side)).label) for side in (left, right))
    return Pair(first, second, split, "anchors", {"round": 1})


def answer(pair: Pair, said: str | None = "left", annotator: str = "Ann", **more: Any) -> Answer:
    values: dict[str, Any] = {
        "id": f"answer{next(_NUMBER):08d}",
        "pair": pair.id,
        "left": pair.left.key,
        "answer": said,
        "milliseconds": 1500,
        "annotator": annotator,
        "time": "2026-01-02T03:04:05+00:00",
        "apsi": "1",
    }
    return Answer(**(values | more))
