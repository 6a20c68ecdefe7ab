"""Prepared photos as episodes: what is edited, from which score, towards which."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

from cachetools import LRUCache

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.coco import read_coco
from apsi.photo.hash import file_hash, seed_for
from apsi.photo.write import read_png

_MEMORY_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Episode:
    """Where an episode begins."""

    photo: Path
    original: Path
    """the undegraded photo, for people to look at; never an observation"""
    source: str
    """the file of the data set that the photo was made from"""
    source_hash: str
    """SHA-256 of that file"""
    degradation: tuple[str, ...]
    start_score: float
    target_score: float
    copy_of: str = ""
    """hash of the file that `source` is a near-duplicate of; empty where it is of none"""

    @property
    def photo_hash(self) -> str:
        """The same for all copies of a photo, which intervals count as one."""
        return self.copy_of or self.source_hash


@dataclass(frozen=True)
class PreparedSplit:
    """The episodes of one split, or of several together."""

    name: str
    episodes: tuple[Episode, ...]
    juror: str
    """fingerprint of the juror whose scores these are"""
    dropped: int
    """degraded photos that scored no worse than their originals and are not here"""
    folders: tuple[Path, ...]
    digest: str
    is_shared: bool = False
    """whether its photos are in the other splits too, being too few"""

    @classmethod
    def load(cls, name: str, folders: Sequence[Path]) -> Self:
        """Reads the annotation files of prepared split folders.

        Raises:
            ApsiError: missing, or scored by different jurors.
        """
        episodes: list[Episode] = []
        jurors, dropped, digests, is_shared = set(), 0, [], False
        for folder in folders:
            records, info = read_coco(folder / "annotations.json")
            if not info.keys() >= {"juror", "dropped"}:
                raise ApsiError(f"{folder} is not a prepared split: its annotations name no juror; prepare it again")
            jurors.add(info["juror"])
            dropped += info["dropped"]
            is_shared |= bool(info.get("shared"))
            digests.append(file_hash(folder / "annotations.json"))
            for r in records:
                if r.score is None or r.initial_score is None or r.original_file_name is None:
                    raise ApsiError(f"{folder}: {r.file_name} has no scores; delete the folder and prepare again")
                photo, original = (
                    _inside(folder, "images", r.file_name),
                    _inside(folder, "originals", r.original_file_name),
                )
                episodes.append(
                    Episode(photo, original, r.source, r.original, r.transformations, r.score, r.initial_score)
                )
        episodes.sort(key=lambda e: seed_for(e.photo.name))  # mixed, so that the first few stand for all
        if len(jurors) > 1:
            raise ApsiError(f"{folders[0].parent} was scored by several jurors: {sorted(jurors)}; prepare it again")
        digest = "-".join(digest[:12] for digest in digests)
        return cls(name, tuple(episodes), jurors.pop(), dropped, tuple(folders), digest, is_shared)

    @property
    def originals(self) -> set[str]:
        """SHA-256 of every file that the episodes were made from."""
        return {episode.source_hash for episode in self.episodes}


class PhotoStore:
    """Reads prepared photos, keeping the latest in memory up to a limit; threads may share it."""

    def __init__(self, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._held: LRUCache[Path, Photo] = LRUCache(memory_bytes, getsizeof=lambda photo: photo.nbytes)
        self._lock = Lock()

    def read(self, path: Path) -> Photo:
        """The photo of a file; not to be changed."""
        with self._lock:
            held = self._held.get(path)
        if held is not None:
            return held
        photo = read_png(path)  # without the lock: others may read other files meanwhile
        photo.flags.writeable = False
        with self._lock, suppress(ValueError):  # larger than all the memory
            self._held[path] = photo
        return photo


def _inside(folder: Path, room: str, name: str) -> Path:
    """`folder/room/name`, refusing names that lead out of it: the file may come from others."""
    if Path(name).name != name or name in ("", ".."):
        raise ApsiError(f"{folder / 'annotations.json'} names the file {name!r}, which is outside its folder")
    return folder / room / name
