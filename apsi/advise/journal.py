"""The journal of a folder of results: what is there so far, so that a run can go on."""

import json
from pathlib import Path
from typing import Any

from apsi.advise.advice import Advice

JOURNAL = "advice.jsonl"
"""Its name; one line a run, which says whose results have which names, and one a photo that is done"""
PAGE = "advice.html"
"""The page on a photo that is worked on alone, and the page on all of a series: each run may replace another's"""
LIST = "advice.json"
"""What is said of the photos of the latest run, for programs"""

_FIELDS = ("file", "name", "state", "key", "advice", "thumbnail")


def read_journal(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str | None]]:
    """What is there of each photo, by its file, and whose results are apsi's, by their names.

    A line that was cut off says nothing. What a later run has, or may have, replaced is not there any more.

    Returns:
        The latest line of each photo, and the file behind each name; None where an earlier version did not say it.
    """
    entries: dict[str, dict[str, Any]] = {}
    owners: dict[str, str | None] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}, {}
    for line in lines:
        try:
            entry = json.loads(line)
            if "names" in entry:
                names = _files_by_name(entry["names"])
                entries = {file: one for file, one in entries.items() if not _is_replaced(one, names)}
                owners |= {name: file or owners.get(name) for name, file in names.items()}
                continue
            Advice.from_dict(entry["advice"])
            if isinstance(entry["file"], str) and isinstance(entry["name"], str):
                entries[entry["file"]] = {name: entry[name] for name in _FIELDS}
                owners[entry["name"]] = entry["file"]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return entries, owners


def names_in(path: Path) -> set[str]:
    """The names whose results are apsi's; see `read_journal`."""
    return set(read_journal(path)[1])


def _files_by_name(names: Any) -> dict[str, str | None]:
    """Of the line of a run; one of an earlier version lists the names alone."""
    files = names if isinstance(names, dict) else dict.fromkeys(names)
    return {name: file for name, file in files.items() if isinstance(name, str) and isinstance(file, str | None)}


def _is_replaced(entry: dict[str, Any], names: dict[str, str | None]) -> bool:
    """Whether a run with these names may have replaced a file of this photo's results."""
    is_of_another = names.get(entry["name"], entry["file"]) != entry["file"]
    return is_of_another or (entry["advice"].get("page") == PAGE and list(names) != [entry["name"]])
