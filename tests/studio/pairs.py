"""Pairs of made photos that are being served: `with annotating(tmp_path) as served`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from apsi.advise.words import Words
from apsi.dataset.folder import Folder
from apsi.photo.hash import file_hash
from apsi.photo.write import encode_jpeg
from apsi.preference.answer import Answer
from apsi.preference.folder import PreferenceFolder, standing
from apsi.preference.pair import Pair, Version
from apsi.preference.photos import Originals
from apsi.studio.annotate import annotate_room
from apsi.studio.annotators import Annotators
from apsi.studio.pair_pictures import PairPictures
from apsi.web.door import Door
from apsi.web.listening import listen
from apsi.web.server import make_app
from tests.conftest import natural_photo
from tests.studio.conftest import listened


@dataclass
class Place:
    """Photos, and pairs of their versions."""

    root: Path
    pairs: list[Pair]

    @property
    def folder(self) -> PreferenceFolder:
        return PreferenceFolder(self.root / "preferences")

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    def standing(self, annotator: str) -> list[Answer]:
        """What holds, as it is on the disk."""
        return standing(self.folder.answers(annotator))

    def overrides(self) -> list[str]:
        """Of the command that serves it."""
        return [
            *("task=annotate", "task.port=0", "tracking=none", "dataset=folder", f"dataset.path={self.photos}"),
            *(f"preference_dir={self.folder.path}", f"data_dir={self.root / 'data'}"),
            f"output_dir={self.root / 'out'}",
        ]


def make_place(root: Path, photos: int, count: int, height: int = 48, width: int = 72) -> Place:
    """So many photos, and pairs of them, which differ in light or are cut."""
    (root / "photos").mkdir(parents=True)
    names = [f"IMG_{number}.jpg" for number in range(photos)]
    for number, name in enumerate(names):
        (root / "photos" / name).write_bytes(encode_jpeg(natural_photo(number, height, width)))
    hashes = [file_hash(root / "photos" / name) for name in names]
    pairs = []
    for number in range(count):
        which, how = number % photos, number // photos
        strength = 0.05 + 0.01 * how
        other = (f"exposure(-{strength:.3f})",) if number % 3 else (f"crop({strength:.3f},0.000,0.800,1.000)",)
        left, right = (f"exposure(+{strength:.3f})",), other
        versions = [Version(hashes[which], names[which], recipe) for recipe in (left, right)]
        pairs.append(Pair(*versions, "train" if number % 4 else "val", "agent", {"seed": 1}))
    place = Place(root, pairs)
    assert len(place.folder.add_pairs(pairs)) == count
    return place


@dataclass
class Annotating:
    """A room of pairs that is being served."""

    url: str
    people: Annotators
    pictures: PairPictures

    def client(self, **headers: str) -> httpx.Client:
        """A browser of its own."""
        return httpx.Client(base_url=f"{self.url}/annotate", headers={"Origin": self.url, **headers}, timeout=30)


@contextmanager
def annotating(
    place: Place, annotator: str | None = None, words: Words | None = None, port: int = 0, **settings: Any
) -> Iterator[Annotating]:
    """Serves a place for the length of a `with`."""
    index = place.folder.require_index()
    originals = Originals(Folder(str(place.photos), {}, []), place.root / "data")
    pictures = PairPictures(index, originals, 300, settings.pop("max_bytes", 50_000_000), 2)
    people = Annotators(place.folder, index, pictures, **settings)
    language = words or Words()
    room = annotate_room(people, index, pictures, language, annotator)
    with (
        listen("127.0.0.1", port) as listener,
        listened(make_app(Door("127.0.0.1", listener.getsockname()[1]), [room], language), listener) as url,
    ):
        yield Annotating(url, people, pictures)
