"""The contract of what gets photos."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from apsi.errors import ApsiError


class RefusedError(ApsiError):
    """What came is not what was asked for, or could do harm: nothing of it is kept."""


class WrongDigestError(RefusedError):
    """What came has another digest than the expected one."""

    @classmethod
    def of(cls, what: str, digest: str, expected: str, more: str = "") -> "WrongDigestError":
        """Says both digests, and what more there is to say."""
        return cls(f"{what} has the SHA-256 {digest}, and {cls.phrase(expected)}{more}")

    @staticmethod
    def phrase(expected: str) -> str:
        """What every such message says, also one that comes from a service."""
        return f"not {expected.lower()} as expected"


class CancelledError(Exception):
    """Somebody no longer wants it; what came so far stays."""


class Watch:
    """Is told how far the work is. What it raises ends the work."""

    def at(self, what: str, done: int, total: int | None) -> None:
        """Called often.

        Args:
            what: is being done, in a word or two.
            done: bytes.
            total: bytes, where that is known.
        """


@dataclass(frozen=True)
class Limits:
    """What an archive may hold."""

    max_gigabytes: float
    """of the archive, and of what is in it"""
    max_files: int
    max_ratio: float
    """bytes in it for each byte of its own"""
    max_depth: int
    """folders in folders"""

    @property
    def max_bytes(self) -> int:
        """The same in bytes."""
        return int(self.max_gigabytes * 1e9)


@dataclass(frozen=True)
class Fetched:
    """What came of one source."""

    sha256: str
    """of the archive; of a folder that of the names and digests of its files"""
    size: int
    """bytes of the archive, or of all files of a folder"""
    files: int
    unpacked: int
    """bytes of all files"""


class Acquire(ABC):
    """A way to get photos."""

    @abstractmethod
    def canonical(self, url: str) -> str:
        """One and the same text for all that name the same photos.

        Raises:
            ApsiError: it names nothing that this can get; told without asking anybody.
        """

    @abstractmethod
    def fetch(self, url: str, sha256: str | None, into: Path, work: Path, watch: Watch) -> Fetched:
        """Gets photos into a folder.

        Args:
            url: what `canonical` accepts.
            sha256: of what comes; null: any.
            into: the folder, made here; what a killed call left in it is used or replaced.
            work: a folder of its own that outlives a killed call, so that the next one goes on.
            watch: is told how far it is.

        Raises:
            WrongDigestError: it has another digest.
            RefusedError: an archive that could do harm, or something else than photos.
            ApsiError: it can't be had, now or ever; the same call goes on.
        """
