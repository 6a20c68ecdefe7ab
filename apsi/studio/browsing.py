"""What the room of all photos is made of: the index, pictures, stars, and what becomes of these."""

import shlex
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from apsi.advise.words import Words
from apsi.browse.annotations import SKIPPED, STATES
from apsi.browse.catalogue import Catalogue, Column
from apsi.browse.indexing import Indexing
from apsi.browse.photos import Indexed, Photos, Played
from apsi.browse.starred import Made, as_csv, as_lines, make_dataset, make_pairs
from apsi.browse.stars import Star, Stars
from apsi.browse.thumbnails import Make, Prepare, Thumbnails, webp
from apsi.browse.wanted import Wanted
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.preference.folder import PreferenceFolder
from apsi.transform.catalogue import by_label
from apsi.web.shell import Refusal

_ORDERS, _PICTURES = 16, 60_000_000  # orders, and bytes of large pictures, that are remembered
_LEFT_OUT = 20  # files that are named


@dataclass(frozen=True)
class Keeping:
    """Where what is made of starred photos goes."""

    datasets: Path
    """gets a folder for each data set"""
    preferences: PreferenceFolder
    pairs: int
    """that are made at a time, at most"""
    seed: int
    told: Sequence[str]
    """overrides that say where the photos and the pairs lie, for who goes on with them"""


class Browsing:
    """All that is asked by the page; used by several threads."""

    def __init__(
        self, indexing: Indexing, photos: Photos, thumbnails: Thumbnails, *, stars: Stars, keeping: Keeping
    ) -> None:
        """Takes its parts; `running` sets them going."""
        self.indexing, self._photos, self._thumbnails = indexing, photos, thumbnails
        self.stars, self._keeping = stars, keeping
        self._lock = threading.Lock()
        self._orders: OrderedDict[Any, Column] = OrderedDict()
        self._pictures: OrderedDict[str, bytes] = OrderedDict()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends: the index is brought up to date, and small pictures are made."""
        self.indexing.begin()
        try:
            yield
        finally:
            self.indexing.stop()
            self._thumbnails.end()

    @property
    def catalogue(self) -> Catalogue:
        """What there is to see now."""
        found = self.indexing.catalogue
        if found is None:
            raise Refusal(503, "The photos are being looked for: wait a moment.")
        return found

    def state(self, words: Words) -> dict[str, Any]:
        """How far the index is, and which runs there are."""
        catalogue, progress = self.indexing.catalogue, self.indexing.progress
        left_out = list(self.indexing.left_out.items())
        return {
            "generation": self.indexing.generation,
            "indexing": asdict(progress),
            "photos": 0 if catalogue is None else len(catalogue),
            "ready": catalogue is not None,
            "runs": []
            if catalogue is None
            else [
                {"key": run.key, "run": run.name, "policy": run.policy, "set": run.dataset} for run in catalogue.runs
            ],
            "starred": len(self.stars.photos),
            "left_out": [{"file": name, "reason": reason} for name, reason in left_out[:_LEFT_OUT]],
            "left_out_said": words.plural(
                "{n} file can't be read and is left out:", "{n} files can't be read and are left out:", len(left_out)
            )
            if left_out
            else "",
        }

    def window(self, wanted: Wanted, start: int, count: int) -> dict[str, Any]:
        """Some of the wanted photos in their order; their small pictures are made ahead."""
        catalogue = self.catalogue
        order = self._order(catalogue, wanted)
        places = order[start : start + count]
        stars = self.stars.photos
        compared = catalogue.compared(wanted.first, wanted.second) if wanted.compares else None
        rows = []
        for place in places.tolist():
            row = _row(catalogue, place, stars)
            if compared is not None:
                row["finals"] = [_number(column[place]) for column in compared.finals]
                row["episodes"] = [str(column[place]) for column in compared.episodes]
                row["recipes"] = [recipes[place] for recipes in compared.recipes]
                row["distance"] = _number(compared.distances[place])
            rows.append(row)
        self._thumbnails.ahead(self._ahead(rows))
        return {
            "generation": self.indexing.generation,
            "total": len(order),
            "from": start,
            "rows": rows,
            "same_juror": compared is None or compared.same_juror,
        }

    def counts(self, wanted: Wanted) -> dict[str, Any]:
        """How many photos each further choice would show, and histograms."""
        catalogue = self.catalogue
        total = len(self._order(catalogue, wanted))  # first: it refuses runs that are not there
        return catalogue.counts(wanted, self.stars.photos) | {"total": total}

    def place(self, wanted: Wanted, number: int) -> int | None:
        """Where a photo stands among the wanted ones; None: it is not one of them."""
        catalogue = self.catalogue
        place = catalogue.place(number)
        if place is None:
            return None
        found = np.flatnonzero(self._order(catalogue, wanted) == place).tolist()
        return int(found[0]) if found else None

    def photo(self, number: int, words: Words) -> dict[str, Any]:
        """All that is known of a photo."""
        photo = self._known(number)
        twins = self._twins(number)
        return {
            **asdict(photo),
            "id": f"{number:015x}",
            "set": photo.set_name,
            "starred": number in self.stars.photos,
            "steps": _said(photo.steps, words),
            "shown": photo.state != SKIPPED,
            "jurors": [
                {"juror": juror, "score": score, "initial": initial}
                for juror, score, initial in self._photos.jurors(photo, twins)
            ],
            "played": [_played(one, words) for one in self._photos.played(photo)],
        }

    def thumbnail(self, number: int, kind: str) -> Any:
        """A small picture as a future of bytes."""
        photo = self._known(number)
        key = self._photos.key(photo, kind)
        return self._thumbnails.of(key, lambda: self._photos.picture(photo, kind))

    def found_thumbnail(self, number: int, kind: str) -> bytes | None:
        """One that is there already."""
        return self._thumbnails.find(self._photos.key(self._known(number), kind))

    def picture(self, number: int, kind: str) -> bytes:
        """A picture as it is, in WebP without loss; the latest are remembered."""
        photo = self._known(number)
        key = self._photos.key(photo, kind)
        with self._lock:
            if (held := self._pictures.get(key)) is not None:
                self._pictures.move_to_end(key)
                return held
        data = webp(self._photos.picture(photo, kind), quality=100)
        with self._lock:
            self._pictures[key] = data
            while sum(map(len, self._pictures.values())) > _PICTURES and len(self._pictures) > 1:
                self._pictures.popitem(last=False)
        return data

    def star(self, number: int, starred: bool) -> int:
        """Keeps whether a photo has a star; returns how many have one."""
        photo = self._known(number)
        self.stars.set(Star(number, starred, photo.name, photo.set_name))
        return len(self.stars.photos)

    def starred_csv(self) -> str:
        """A table of the starred photos."""
        return as_csv(self._starred())

    def starred_lines(self) -> str:
        """The names of their files."""
        return as_lines(self._starred())

    def new_dataset(self) -> tuple[Made, str]:
        """Makes a data set of them; returns with it the command that trains on it."""
        made = make_dataset(
            list(self._starred()), self._photos.places, self._keeping.datasets, datetime.now(UTC).astimezone()
        )
        return made, _command("dataset=coco", f"dataset.annotations={made.folder / 'annotations.json'}")

    def new_pairs(self) -> tuple[int, str]:
        """Makes pairs of them; returns how many, and the command that shows them to people."""
        keeping = self._keeping
        made = make_pairs(list(self._starred()), keeping.preferences, keeping.pairs, keeping.seed)
        return len(made), _command("task=annotate", *keeping.told)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A broken index that is met in the block is made anew."""
        try:
            yield
        except sqlite3.Error as error:
            self.indexing.broken(error)
            raise Refusal(503, "The photos are being looked for: wait a moment.") from error

    def _known(self, number: int) -> Indexed:
        found = self._photos.row(number)
        if found is None:
            raise Refusal(404, "There is no such photo.")
        return found

    def _starred(self) -> Iterator[Indexed]:
        return self._photos.rows(self.stars.in_order)

    def _twins(self, number: int) -> list[int]:
        catalogue = self.catalogue
        place = catalogue.place(number)
        if place is None:
            return []
        return [int(one) for one in catalogue.ids[np.flatnonzero(catalogue.twins == catalogue.twins[place])[:50]]]

    def _order(self, catalogue: Catalogue, wanted: Wanted) -> Column:
        stars = self.stars.photos if wanted.starred else frozenset()
        key = (id(catalogue), self.indexing.generation, wanted, stars)
        with self._lock:
            if (held := self._orders.get(key)) is not None:
                self._orders.move_to_end(key)
                return held
        try:
            order = catalogue.order(wanted, stars)
        except KeyError as error:
            raise Refusal(404, "One of the two runs is not there any more.") from error
        with self._lock:
            self._orders[key] = order
            while len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        return order

    def _ahead(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Prepare]:
        """Small pictures of a window, from its middle outwards."""
        middle = len(rows) / 2
        for row in [row for _, row in sorted(enumerate(rows), key=lambda pair: abs(pair[0] - middle))]:
            if row["state"] == SKIPPED:
                continue
            for kind in row.get("episodes", ["photo"]):
                yield partial(self._prepare, int(row["id"], 16), kind)

    def _prepare(self, number: int, kind: str) -> tuple[str, Make]:
        """The name of a small picture, and how it is made."""
        photo = self._known(number)
        return self._photos.key(photo, kind), lambda: self._photos.picture(photo, kind)


def _command(*arguments: str) -> str:
    return f"{command()} {shlex.join(arguments)}"


def _row(catalogue: Catalogue, place: int, stars: frozenset[int]) -> dict[str, Any]:
    number = int(catalogue.ids[place])
    return {
        "id": f"{number:015x}",
        "name": catalogue.names[place],
        "set": catalogue.set_names[catalogue.sets[place]],
        "split": catalogue.split_names[catalogue.splits[place]],
        "state": STATES[catalogue.states[place]],
        "edits": int(catalogue.edits[place]),
        "starred": number in stars,
        **{name: _number(column[place]) for name, column in catalogue.figures.items()},
    }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _said(labels: Sequence[str], words: Words) -> list[dict[str, str]]:
    """Edits with what a photographer would say of them; of one that is not known, its name alone."""
    said = []
    for label in labels:
        try:
            advice = words(by_label(label).advice)
        except ApsiError:
            advice = ""
        said.append({"label": label, "advice": advice})
    return said


def _played(played: Played, words: Words) -> dict[str, Any]:
    return asdict(replace(played, recipe=())) | {"id": str(played.id), "recipe": _said(played.recipe, words)}
