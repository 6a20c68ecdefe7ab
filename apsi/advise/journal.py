"""The journal of a folder of results: what is there so far, so that a run can go on."""

import json
from pathlib import Path
from typing import Any

from apsi.advise.advice import Advice

JOURNAL = "advice.jsonl"
"""Its name; one line a photo, and one a run that says which names are its own"""

_FIELDS = ("file", "name", "state", "key", "advice", "thumbnail")


def read_journal(path: Path) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """The latest line of each photo, and the names whose results are apsi's; a line that was cut off says nothing."""
    entries: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}, set()
    for line in lines:
        try:
            entry = json.loads(line)
            if "names" in entry:
                names.update(name for name in entry["names"] if isinstance(name, str))
                continue
            Advice.from_dict(entry["advice"])
            entries[entry["file"]] = {name: entry[name] for name in _FIELDS}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return entries, names


def names_in(path: Path) -> set[str]:
    """The names whose results are apsi's; see `read_journal`."""
    return read_journal(path)[1]
