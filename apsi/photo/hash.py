"""Content hashes: of pixels, of files, of anything JSON can hold."""

import hashlib
import json
from pathlib import Path

import numpy as np

from apsi.photo import Photo
from apsi.photo.file import open_regular


def pixel_hash(photo: Photo) -> bytes:
    """16 bytes that tell photos apart by size and pixels."""
    digest = hashlib.sha256(repr(photo.shape).encode())  # in hardware on most processors
    digest.update(np.ascontiguousarray(photo).data)
    return digest.digest()[:16]


def bytes_digest(data: bytes) -> bytes:
    """16 bytes that tell bytes apart."""
    return hashlib.sha256(data).digest()[:16]


def file_hash(path: Path, max_bytes: int | None = None) -> str:
    """SHA-256 of a regular file's bytes, in hex.

    Raises:
        OSError: it can't be opened, is not a regular file, or has more than `max_bytes`.
    """
    with open_regular(path, max_bytes) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bytes_hash(data: bytes) -> str:
    """What `file_hash` says of a file with these bytes."""
    return hashlib.sha256(data).hexdigest()


def value_hash(value: object) -> str:
    """12 hex digits of a JSON-like value (dicts in any order)."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def seed_for(*parts: object) -> int:
    """A 64-bit seed that depends on every part and on nothing else: equal on every machine."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big")
