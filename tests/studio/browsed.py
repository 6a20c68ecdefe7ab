"""Prepared sets and runs that are being served: `with browsed(root) as served`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from apsi.advise.words import Words
from apsi.browse.edits import Editors
from apsi.browse.index import Index
from apsi.browse.indexing import Indexing
from apsi.browse.photos import Photos
from apsi.browse.sources import Places
from apsi.browse.stars import Stars
from apsi.browse.thumbnails import Thumbnails
from apsi.preference.folder import PreferenceFolder
from apsi.studio.browse import browse_room
from apsi.studio.browsing import Browsing, Keeping
from apsi.web.door import Door
from apsi.web.listening import listen
from apsi.web.server import make_app
from tests.studio.conftest import listened


@dataclass
class Browsed:
    """A room of photos that is being served."""

    url: str
    browsing: Browsing
    root: Path

    def client(self, **headers: str) -> httpx.Client:
        """A browser of its own."""
        return httpx.Client(base_url=f"{self.url}/browse", headers={"Origin": self.url, **headers}, timeout=30)

    def look(self) -> None:
        """Brings the index up to date."""
        self.browsing.indexing.begin()
        self.browsing.indexing.wait()


def make_browsing(root: Path, config: Any, max_bytes: int = 50_000_000, told: Sequence[str] = ()) -> Browsing:
    """Of `root/data` and `root/out`."""
    places = Places(root / "data", root / "out")
    indexing = Indexing(places, Index(root / "cache" / "index.sqlite"))
    photos = Photos(places, indexing.index, Editors(config))
    keeping = Keeping(root / "sets", PreferenceFolder(root / "preferences"), 50, 1, told)
    thumbnails = Thumbnails(root / "cache" / "thumbnails", max_bytes, 2)
    return Browsing(indexing, photos, thumbnails, stars=Stars(root / "data" / "stars.jsonl"), keeping=keeping)


@contextmanager
def browsed(root: Path, config: Any = None, words: Words | None = None, **settings: Any) -> Iterator[Browsed]:
    """Serves what lies below a folder, indexed, for the length of a `with`."""
    browsing, language = make_browsing(root, config, **settings), words or Words()
    with (
        listen("127.0.0.1", 0) as listener,
        listened(
            make_app(Door("127.0.0.1", listener.getsockname()[1]), [browse_room(browsing, language)], language),
            listener,
            browsing.indexing.stop,
        ) as url,
    ):
        browsing.indexing.wait()
        yield Browsed(url, browsing, root)
