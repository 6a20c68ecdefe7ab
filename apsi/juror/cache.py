"""A score cache around any juror: in memory and, if wanted, on disk between runs."""

import logging
import sqlite3
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import SCORE_MAX, Juror
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.hash import bytes_digest, pixel_hash
from apsi.state import State

log = logging.getLogger(__name__)

SCORES_FILE = "scores.sqlite3"
"""In `score_cache_dir`"""
_Key = tuple[str, bytes]
_HASH_BYTES = 16
_CHUNK = 500  # keys a query; SQLite takes 999 and more


class CachedJuror(Juror):
    """Remembers the latest scores by pixels and fingerprint; equal photos of one batch are scored once.

    Args:
        juror: what scores photos that are not known.
        max_entries: scores kept in memory; the least recently used are dropped first.
        store: scores kept on disk; None: none.
    """

    def __init__(self, juror: Juror, max_entries: int, store: "ScoreStore | None" = None) -> None:
        self._juror = juror
        self._max_entries = max_entries
        self._store = store
        self._scores: OrderedDict[_Key, float] = OrderedDict()
        self.hits = 0
        self.misses = 0

    @property
    def fingerprint(self) -> str:
        return self._juror.fingerprint

    @property
    def tolerance(self) -> float:
        return self._juror.tolerance

    @property
    def hit_rate(self) -> float:
        """Share of the photos so far whose score was cached."""
        return self.hits / max(1, self.hits + self.misses)

    def state(self) -> State:
        """The scores in memory, from the least recently used."""
        fingerprints = sorted({fingerprint for fingerprint, _ in self._scores})
        numbers = {fingerprint: i for i, fingerprint in enumerate(fingerprints)}
        pixels = b"".join(pixels for _, pixels in self._scores)
        return {
            "fingerprints": fingerprints,
            "whose": np.array([numbers[fingerprint] for fingerprint, _ in self._scores], np.int64),
            "pixels": np.frombuffer(pixels, np.uint8).reshape(-1, _HASH_BYTES),
            "scores": np.array(list(self._scores.values()), np.float64),
        }

    def restore(self, state: State) -> None:
        """Knows these scores and no others in memory.

        Raises:
            IndexError, KeyError, TypeError, ValueError: they are damaged.
        """
        pixels, scores = state["pixels"], state["scores"]
        if pixels.shape != (len(scores), _HASH_BYTES) or not ((scores >= 0) & (scores <= SCORE_MAX)).all():
            raise ValueError("the remembered scores are damaged")
        whose = [str(state["fingerprints"][i]) for i in state["whose"].tolist()]
        keys = [(fingerprint, row.tobytes()) for fingerprint, row in zip(whose, pixels, strict=True)]
        self._scores = OrderedDict(zip(keys, scores.tolist(), strict=True))

    def warm_up(self) -> None:
        self._juror.warm_up()

    @property
    def sees_frame(self) -> bool:
        return self._juror.sees_frame

    def score(self, photos: Sequence[Photo]) -> Floats:
        return self.score_framed([FramedPhoto(photo) for photo in photos])

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        fingerprint = self._juror.fingerprint
        keys = [(fingerprint, self._hash(one)) for one in framed]
        missing = {key: i for i, key in enumerate(keys) if key not in self._scores}
        known = {key: self._scores[key] for key in keys if key in self._scores}
        if missing and self._store is not None:
            known |= self._store.load(missing)
            missing = {key: i for key, i in missing.items() if key not in known}
        if missing:
            asked = self._juror.score_framed([framed[i] for i in missing.values()])
            scored = dict(zip(missing, asked.tolist(), strict=True))
            known |= scored
            if self._store is not None:
                self._store.save(scored)
        self.misses += len(missing)
        self.hits += len(framed) - len(missing)
        for key in keys:
            self._scores[key] = known[key]
            self._scores.move_to_end(key)
        while len(self._scores) > self._max_entries:
            self._scores.popitem(last=False)
        return np.array([known[key] for key in keys], dtype=np.float64)

    def _hash(self, one: FramedPhoto) -> bytes:
        pixels = pixel_hash(one.photo)
        if one.uncut is None or not self._juror.sees_frame:
            return pixels
        return bytes_digest(pixels + pixel_hash(one.uncut) + str(one.box).encode())


class ScoreStore:
    """Scores in an SQLite file that several processes may use at once.

    Each is stored with a checksum: a damaged one is ignored. When the disk is full or the file breaks, scoring
    continues without it, with one warning.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file.

        Raises:
            ApsiError: it can't be opened, or is not such a file.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database: sqlite3.Connection | None = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS scores "
                "(juror TEXT, pixels BLOB, value BLOB, PRIMARY KEY (juror, pixels)) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            raise ApsiError(
                f"score_cache_dir: {path} can't be used ({error}); delete it, or name another folder"
            ) from error

    def load(self, keys: Iterable[_Key]) -> dict[_Key, float]:
        """The scores that are known of these keys."""
        keys = list(keys)
        found: dict[_Key, float] = {}
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            for fingerprint in {fingerprint for fingerprint, _ in chunk}:
                pixels = [p for f, p in chunk if f == fingerprint]
                marks = ",".join("?" * len(pixels))
                query = f"SELECT pixels, value FROM scores WHERE juror = ? AND pixels IN ({marks})"
                for row in self._execute(query, [[fingerprint, *pixels]]):
                    key = (fingerprint, row[0])
                    if (score := _unpack(key, row[1])) is not None:
                        found[key] = score
        return found

    def save(self, scores: Mapping[_Key, float]) -> None:
        """Stores scores for later."""
        rows: list[list[object]] = [[*key, _pack(key, score)] for key, score in scores.items()]
        self._execute("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Closes the file; may be called twice."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _execute(self, statement: str, rows: list[list[object]]) -> list[tuple[bytes, bytes]]:
        """One transaction with the statement for every row; what it found."""
        if self._database is None:
            return []
        try:
            if statement.startswith("SELECT"):
                return self._database.execute(statement, rows[0]).fetchall()
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(statement, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            log.warning("Scores are no longer remembered on disk: %s (%s)", error, self.path)
            self.close()
        return []


def _pack(key: _Key, score: float) -> bytes:
    value = struct.pack("<d", score)
    return value + struct.pack("<I", _checksum(key, value))


def _unpack(key: _Key, data: object) -> float | None:
    if not isinstance(data, bytes) or len(data) != 12 or struct.unpack("<I", data[8:])[0] != _checksum(key, data[:8]):
        return None
    return float(struct.unpack("<d", data[:8])[0])


def _checksum(key: _Key, value: bytes) -> int:
    return zlib.crc32(key[0].encode() + key[1] + value)
