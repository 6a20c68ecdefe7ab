"""Features of versions of photos on disk, by what the originals hold and what was done to them."""

import io
import logging
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Floats

FEATURES_FILE = "features.sqlite3"
"""Below `preference_dir`; may be deleted at any time"""
_CHUNK = 500
log = logging.getLogger(__name__)


class FeatureStore:
    """Rows of numbers in an SQLite file that several processes may use at once; what is damaged is made again."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file.

        Raises:
            ApsiError: it can't be opened, or is something else.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS features "
                "(maker TEXT, version TEXT, value BLOB, PRIMARY KEY (maker, version)) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            raise ApsiError(f"{path} can't be used ({error}): delete it, it is made again") from error

    def load(self, maker: str, versions: Iterable[str]) -> dict[str, Floats]:
        """The rows that are known.

        Args:
            maker: what made them, a fingerprint.
            versions: keys of versions.
        """
        keys, found = list(dict.fromkeys(versions)), dict[str, Floats]()
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT version, value FROM features WHERE maker = ? AND version IN ({marks})"
            for key, value in self._database.execute(query, [maker, *chunk]):
                row = _unpack(value)
                if row is not None:
                    found[key] = row
        return found

    def save(self, maker: str, rows: Mapping[str, Floats]) -> None:
        """Stores rows, all or none of them."""
        packed = [(maker, key, _pack(row)) for key, row in rows.items()]
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", packed)
        except sqlite3.Error as error:  # a full disk: they are made again the next time
            log.warning("Features are not remembered on disk: %s", error)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()


def _pack(row: Floats) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, row, allow_pickle=False)
    data = buffer.getvalue()
    return zlib.crc32(data).to_bytes(4, "little") + data


def _unpack(value: object) -> Floats | None:
    if not isinstance(value, bytes) or zlib.crc32(value[4:]).to_bytes(4, "little") != value[:4]:
        return None
    row: Floats = np.load(io.BytesIO(value[4:]), allow_pickle=False)
    return row
