"""Names in archives: which may become files, and where."""

import os
import re
import unicodedata
from pathlib import PurePosixPath

from apsi.acquire.base import RefusedError

_DRIVE = re.compile(r"^[A-Za-z]:")
_LONGEST = 255  # bytes of a name, on common file systems
_LONGEST_PATH = 2048


class Names:
    """The names of one archive; each is looked at before anything is written under it."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._spelled: dict[str, tuple[str, bool]] = {}  # by what a careless file system takes for the same name

    def place(self, name: str, is_folder: bool) -> PurePosixPath | None:
        """Where it goes, relative to the folder that is unpacked into; None for that folder itself.

        Raises:
            RefusedError: it would go elsewhere, or where something else of the archive went.
        """
        if "\0" in name:
            raise RefusedError(f"{name!r} holds a NUL character")
        if name.startswith(("/", "\\")) or _DRIVE.match(name):
            raise RefusedError(f"{name!r} is an absolute name")
        if ".." in re.split(r"[/\\]", name):
            raise RefusedError(f"{name!r} leads out of the folder")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if len(parts) > self._max_depth:
            raise RefusedError(f"{_cut(name)} is {len(parts)} folders deep, at most {self._max_depth} are allowed")
        lengths = [len(os.fsencode(part)) for part in parts]
        if max(lengths, default=0) > _LONGEST or sum(lengths) + len(parts) > _LONGEST_PATH:
            raise RefusedError(f"{_cut(name)} is longer than file systems allow")
        if not parts:
            if is_folder:
                return None
            raise RefusedError(f"{name!r} is no name of a file")
        for depth in range(1, len(parts)):
            self._enter("/".join(parts[:depth]), True)
        self._enter("/".join(parts), is_folder)
        return PurePosixPath(*parts)

    def _enter(self, path: str, is_folder: bool) -> None:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        before = self._spelled.get(key)
        if before is None:
            self._spelled[key] = path, is_folder
        elif before[0] != path:
            raise RefusedError(
                f"{_cut(before[0])} and {_cut(path)} are one name where case and accents are not told apart"
            )
        elif not (is_folder and before[1]):
            raise RefusedError(f"{_cut(path)} is in it twice")


def _cut(name: str) -> str:
    return (
        ascii(name if len(name) < 120 else f"{name[:60]}...{name[-40:]}")
        if not name.isprintable()
        else (name if len(name) < 120 else f"{name[:60]}...{name[-40:]}")
    )
