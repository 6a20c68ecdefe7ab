"""Photos that somebody starred: lines that are only added to, on the disk before it is said that they are kept."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.preference.lines import append_lines, read_lines


@dataclass(frozen=True)
class Star:
    """That a photo has a star from now on, or has none any more."""

    photo: int
    """its id"""
    starred: bool
    name: str = ""
    """for people who read the file"""
    set: str = ""

    @classmethod
    def from_dict(cls, data: Any) -> "Star":
        """Reads a line.

        Raises:
            ApsiError: it is something else.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("starred"), bool):
            raise ApsiError("no star")
        try:
            number = int(str(data.get("photo")), 16)
        except ValueError as error:
            raise ApsiError("no star of a photo") from error
        if not 0 <= number < 2**60:
            raise ApsiError("no star of a photo")
        return cls(number, data["starred"], str(data.get("name", "")), str(data.get("set", "")))


class Stars:
    """The starred photos of a file; used by several threads."""

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            ApsiError: it can't be read.
        """
        self.path = path
        self._lock = threading.Lock()
        self._held: dict[int, Star] = {}
        for star in read_lines(path, Star.from_dict).values:
            self._hold(star)

    @property
    def photos(self) -> frozenset[int]:
        """Their ids."""
        with self._lock:
            return frozenset(self._held)

    @property
    def in_order(self) -> list[int]:
        """Their ids, the first that was starred first."""
        with self._lock:
            return list(self._held)

    def set(self, star: Star) -> None:
        """Keeps it; when it returns it is on the disk.

        Raises:
            OSError: it can't be written, and nothing has changed.
        """
        with self._lock:
            if star.starred == (star.photo in self._held):
                return
            said = {"photo": f"{star.photo:015x}", "starred": star.starred, "set": star.set, "name": star.name}
            append_lines(self.path, [said | {"time": datetime.now(UTC).isoformat(timespec="seconds")}])
            self._hold(star)

    def _hold(self, star: Star) -> None:
        if star.starred:
            self._held.setdefault(star.photo, star)
        else:
            self._held.pop(star.photo, None)
