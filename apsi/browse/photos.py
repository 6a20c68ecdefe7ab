"""One indexed photo: all that is known of it, and its pictures."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apsi.browse.annotations import DROPPED, SKIPPED
from apsi.browse.below import read_below
from apsi.browse.edits import Editors
from apsi.browse.index import Index
from apsi.browse.sources import Places
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.hash import value_hash
from apsi.photo.read import UnreadablePhotoError, decode_photo, max_file_bytes
from apsi.transform.recipe import Recipe

_MAX_PIXELS = 50_000_000
_PHOTO, _ORIGINAL = "photo", "original"
KINDS = (_PHOTO, _ORIGINAL)
"""Of pictures, beside those that runs made"""


class NoPictureError(Exception):
    """The picture can't be had: its file was changed, is gone, or never was one."""


@dataclass(frozen=True)
class Played:
    """What a policy of a run made of a photo."""

    id: int
    run: str
    run_key: str
    policy: str
    juror: str
    recipe: tuple[str, ...]
    start: float | None
    target: float | None
    final: float | None
    success: bool
    measures: dict[str, list[float | None]]


@dataclass(frozen=True)
class Indexed:
    """One row of the index."""

    id: int
    state: str
    set_name: str
    split: str
    name: str
    file: str | None
    original_file: str | None
    original: str
    version: int
    width: int | None
    height: int | None
    score: float | None
    initial: float | None
    steps: tuple[str, ...]
    meta: dict[str, str]
    reason: str


class Photos:
    """What there is to see of photos; used by several threads."""

    def __init__(self, places: Places, index: Index, editors: Editors) -> None:
        """Reads nothing yet.

        Args:
            places: where the files lie.
            index: knows them.
            editors: make once more what runs made.
        """
        self.places, self._index, self._editors = places, index, editors

    def row(self, number: int) -> Indexed | None:
        """What the index holds of a photo; None: there is none of this id."""
        with self._index.open() as database:
            found = database.execute("SELECT * FROM photos WHERE id=?", (number,)).fetchone()
        return None if found is None else _row(found)

    def rows(self, numbers: list[int]) -> Iterator[Indexed]:
        """Those of them that there are, in this order."""
        for number in numbers:
            if (found := self.row(number)) is not None:
                yield found

    def played(self, photo: Indexed) -> list[Played]:
        """What each policy of each run made of it."""
        if photo.file is None:
            return []
        with self._index.open() as database:
            found = database.execute(
                "SELECT e.*, r.name, r.juror FROM episodes e JOIN runs r ON r.id = e.run"
                " WHERE e.image=? AND r.dataset=? AND (r.split=? OR r.split NOT IN ('train', 'val', 'test'))"
                " ORDER BY r.name, e.id",
                (photo.file, photo.set_name, photo.split),
            ).fetchall()
        return [] if photo.state == DROPPED else [_played(row) for row in found]

    def jurors(self, photo: Indexed, twins: Iterable[int]) -> list[tuple[str, float | None, float | None]]:
        """What jurors say of it and of its original, in this set and in others: juror by juror.

        Args:
            photo: this one.
            twins: ids of photos to which the same was done.
        """
        said: dict[str, tuple[float | None, float | None]] = {}
        with self._index.open() as database:
            for number in (photo.id, *twins):
                found = database.execute(
                    "SELECT p.score, p.initial, f.info FROM photos p JOIN files f ON f.id = p.file_id WHERE p.id=?",
                    (number,),
                ).fetchone()
                if found is not None and (found[0], found[1]) != (None, None):
                    said.setdefault(_juror(found[2]), (found[0], found[1]))
        return [(juror, *scores) for juror, scores in said.items()]

    def picture(self, photo: Indexed, kind: str) -> Photo:
        """`photo` as it is in its set, its `original`, or what an episode made of it, by its number.

        Raises:
            NoPictureError: it can't be had.
        """
        try:
            if kind == _ORIGINAL:
                return self._read(photo, "originals", photo.original_file)
            if kind == _PHOTO and photo.state == DROPPED:
                return Recipe.of(photo.steps)(self._read(photo, "originals", photo.original_file))
            if kind == _PHOTO:
                return self._read(photo, "images", photo.file)
            played = self._episode(photo, kind)
            start = self._read(photo, "images", photo.file)
            try:
                return self._editors.of(self.places.runs / played.run).picture(start, played.recipe)
            except ApsiError as error:
                raise NoPictureError(f"{played.run}: {error}") from error
        except OSError as error:
            raise NoPictureError(str(error.strerror or error)) from error
        except (ApsiError, UnreadablePhotoError) as error:
            raise NoPictureError(str(error)) from error

    def key(self, photo: Indexed, kind: str) -> str:
        """Names a picture: another name where its file, or what is done to it, is another.

        Raises:
            NoPictureError: there is no such file.
        """
        from_original = kind == _ORIGINAL or photo.state == DROPPED
        name, room = (photo.original_file, "originals") if from_original else (photo.file, "images")
        if photo.state == SKIPPED or name is None:
            raise NoPictureError("there is no picture of it")
        try:
            found = self._path(photo, room, name).lstat()
        except OSError as error:
            raise NoPictureError(str(error.strerror or error)) from error
        recipe: list[str] = []
        if kind not in KINDS:
            played = self._episode(photo, kind)
            recipe = [played.run, *played.recipe]
        done = [*photo.steps] if kind == _PHOTO and photo.state == DROPPED else []
        return value_hash(
            [photo.id, kind if kind in KINDS else "edited", found.st_size, found.st_mtime_ns, done, recipe]
        )

    def _episode(self, photo: Indexed, kind: str) -> Played:
        found = next((one for one in self.played(photo) if str(one.id) == kind), None)
        if found is None:
            raise NoPictureError("no run made such a picture")
        return found

    def _path(self, photo: Indexed, room: str, name: str) -> Path:
        return self.places.prepared.joinpath(photo.set_name, photo.split, room, name)

    def _read(self, photo: Indexed, room: str, name: str | None) -> Photo:
        if name is None or photo.state == SKIPPED:
            raise NoPictureError("there is no picture of it")
        parts = (photo.set_name, photo.split, room, name)
        return decode_photo(read_below(self.places.prepared, parts, max_file_bytes(_MAX_PIXELS)), _MAX_PIXELS)


def _row(found: Any) -> Indexed:
    values = {name: found[name] for name in Indexed.__dataclass_fields__}
    return Indexed(**values | {"steps": tuple(found["steps"].split()), "meta": _meta(found["meta"])})


def _meta(text: str) -> dict[str, str]:
    return {name: str(value) for name, value in json.loads(text).items()}


def _played(row: Any) -> Played:
    return Played(
        row["id"],
        row["name"],
        f"{row['run']:015x}.{row['policy']}",
        row["policy"],
        row["juror"],
        tuple(row["recipe"].split()),
        row["start"],
        row["target"],
        row["final"],
        bool(row["success"]),
        json.loads(row["measures"]),
    )


def _juror(info: str | None) -> str:
    return str(json.loads(info or "{}").get("juror", ""))
