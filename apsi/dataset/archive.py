"""Photos that are acquired when they are first needed, and kept."""

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pydantic import PositiveInt

from apsi.acquire.base import Acquire, Watch
from apsi.acquire.keep import FILES, Acquired, Source, acquire_once, find, require_name, stem
from apsi.acquire.progress import Bar
from apsi.dataset.base import Dataset, Listing
from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.photo.hash import value_hash
from apsi.photo.read import MAX_PIXELS

log = logging.getLogger(__name__)


class Archive(Dataset):
    """The photos in one or several archives, or in whatever `acquire` gets.

    They lie in `<folder>/<name>-<hash>`, where the hash stands for the URLs.
    """

    def __init__(
        self,
        *,
        acquire: Acquire,
        folder: str,
        url: str | list[str],
        sha256: str | list[str | None] | None,
        root: str,
        name: str | None,
        licence: str | None,
        citation: str | None,
        enlarge: dict[str, int],
        max_pixels: PositiveInt = MAX_PIXELS,
    ) -> None:
        """Takes what is to be acquired; asks nobody yet.

        Args:
            acquire: gets it.
            folder: where it is kept.
            url: of the archive, or several.
            sha256: of the archive, one for each URL; None: the one that it has first holds from then on.
            root: the folder in it that holds the photos; empty: all of it.
            name: of the data set; None: the last part of the URL.
            licence: of the photos: shown before they are acquired, and kept in annotation files.
            citation: of the work to name.
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
            max_pixels: files with more are skipped before they are decoded.
        """
        urls = [url] if isinstance(url, str) else list(url)
        digests = [sha256] * len(urls) if sha256 is None or isinstance(sha256, str) else list(sha256)
        if not urls or len(digests) != len(urls) or (isinstance(sha256, str) and len(urls) > 1):
            raise ApsiError(
                f"dataset.sha256={sha256} must have one entry for each of the {len(urls)} in dataset.url={url}"
            )
        try:
            self.sources = [Source(one, digest) for one, digest in zip(urls, digests, strict=True)]
            canonical = [acquire.canonical(one) for one in urls]
        except ApsiError as error:
            raise ApsiError(f"dataset.{error}") from error
        if PurePosixPath(root).is_absolute() or ".." in PurePosixPath(root).parts:
            raise ApsiError(f"dataset.root={root} must be a folder in the archive, such as images/train")
        self._name = require_name(stem(urls[0]) if name is None else name, "dataset.name")
        self._acquire, self._root = acquire, root
        self.folder = Path(folder).expanduser() / f"{self._name}-{value_hash(canonical)}"
        self.enlarge, self.max_pixels = enlarge, max_pixels
        self.sidecar_folder = self.folder / FILES / root
        told = {
            "licence": licence,
            "citation": citation,
            "url": " ".join(one for one in canonical if not one.startswith("file:")) or None,
        }
        self.info = {key: value for key, value in told.items() if value is not None}

    @property
    def name(self) -> str:
        return self._name

    def acquire(self) -> Acquired:
        """Gets the photos, or finds them here.

        Raises:
            ApsiError: they can't be had.
        """
        if find(self.folder) is not None:  # no bar for what is here
            return self._acquired(Watch())
        with Bar() as bar:
            return self._acquired(bar)

    def _acquired(self, watch: Watch) -> Acquired:
        return acquire_once(self._acquire, self.sources, self.folder, watch, about=self.info, first=self._show_licence)

    def listing(self) -> Listing:
        acquired = self.acquire()
        photos = acquired.files_folder / self._root
        if not photos.is_dir():
            inside = _folders(acquired.files_folder)
            raise ApsiError(
                f"dataset.root={self._root} is no folder of what was acquired, which has: {', '.join(inside)}"
            )
        return Folder(str(photos), self.enlarge, [], self.max_pixels).listing()

    def _show_licence(self) -> None:
        licence = self.info.get("licence")
        log.info(
            "%s from %s. Licence: %s%s",
            self._name,
            ", ".join(source.url for source in self.sources),
            licence or "not given here; find out what you may do with these photos",
            f". Cite: {self.info['citation']}" if "citation" in self.info else "",
        )


def _folders(folder: Path, most: int = 8) -> Sequence[str]:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/") if path != folder)
    return found[:most] or ["no folders"]
