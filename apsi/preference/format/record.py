"""A comparison as JSON, for formats that have a place for more than they know themselves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apsi import __version__
from apsi.errors import ApsiError
from apsi.preference.answer import Answer
from apsi.preference.folder import Comparison
from apsi.preference.format.base import answer_to
from apsi.preference.format.files import short, text_of, time_of
from apsi.preference.format.names import Names
from apsi.preference.pair import Pair, Version

KEY = "apsi"
"""Under which it stands beside what the format itself has"""


def pair_record(left: Version, right: Version, split: str, source: str) -> dict[str, Any]:
    """A pair as it is shown."""
    return {"left": left.as_dict(), "right": right.as_dict(), "split": split, "source": source}


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """A pair as it was shown, and what is known of the answer besides what was chosen."""
    answer = comparison.answer
    return {
        **pair_record(comparison.left, comparison.right, comparison.split, comparison.source),
        "id": answer.id,
        "annotator": answer.annotator,
        "milliseconds": answer.milliseconds,
        "time": answer.time,
        "reason": answer.reason,
        "is_repeat": answer.is_repeat,
        "apsi": answer.apsi,
    }


def read_pair(entry: Mapping[str, Any], names: Names, kind: str) -> tuple[Pair, Version]:
    """A pair out of what stands beside the format's own, and the version that stood left.

    Raises:
        ApsiError: nothing of apsi's stands there, or something else.
    """
    record = entry.get(KEY)
    if not isinstance(record, dict):
        raise ApsiError(
            f"there is no object {KEY} with the two versions, as preference/format={kind} writes it: only files that "
            "come from an export of apsi are read; preference/format=csv takes others"
        )
    left, right = (
        names.version(version.name, version.recipe, version.photo)
        for version in (Version.from_dict(record.get(side)) for side in ("left", "right"))
    )
    split = text_of(record, "split", "") or None
    return names.pair(left, right, text_of(record, "source", kind), split), left


def read_answer(record: Mapping[str, Any], pair: Pair, left: Version, said: str, path: Path) -> Answer:
    """What `comparison_record` holds of an answer.

    Raises:
        ApsiError: a field is missing, or holds what no answer does.
    """
    known = dict(record)
    if not isinstance(record.get("is_repeat", False), bool):
        raise ApsiError(f"is_repeat={short(record['is_repeat'])} must be true or false")
    return answer_to(
        pair,
        left.key,
        said,
        id=text_of(known, "id"),
        annotator=text_of(known, "annotator"),
        milliseconds=record.get("milliseconds", 0),
        time=time_of(text_of(known, "time", ""), path),
        reason=record.get("reason"),
        is_repeat=record.get("is_repeat", False),
        apsi=text_of(known, "apsi", __version__),
    )
