"""The dataset contract."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from apsi.dataset.selection import Selection
from apsi.photo.facts import NO_FACTS, PhotoFacts
from apsi.photo.read import MAX_PIXELS


@dataclass(frozen=True)
class SourceFile:
    """One file that may hold a photo."""

    name: str
    """path below the data set's root, with forward slashes; unique in the data set"""
    path: Path
    facts: PhotoFacts = NO_FACTS
    """what the data set says of it"""


@dataclass(frozen=True)
class Skipped:
    """One file that can't be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The files of a data set, before any is decoded."""

    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    """by reason, how many photos were not asked for; see `apsi.dataset.choose`"""
    remarks: tuple[str, ...] = ()
    """what else there is to say of them, in sentences"""


class Dataset(ABC):
    """A named collection of image files."""

    common: ClassVar[dict[str, type]] = {"selection": Selection}
    """attributes that hold the settings which every data set has besides its own, and what these settings are"""
    selection: Selection = Selection()
    """which of the files are taken; `listing` has them all"""
    is_sample: ClassVar[bool] = False
    """whether these are sample photos and not the user's own"""
    enlarge: dict[str, int]
    """for each split, how many versions of each photo there are: the photo itself, then random crops and flips of it"""
    max_pixels: int = MAX_PIXELS
    """files with more are skipped, before they are decoded"""
    info: Mapping[str, str] = MappingProxyType({})
    """what holds of all its photos and stands in annotation files: `licence`, `citation`, `url`, where known"""
    sidecar_folder: Path | None = None
    """where a file with a row a photo may lie"""
    score_source: str = ""
    """whose scores among those that came with the photos are taken for the juror's own; empty: nobody's"""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name of its own."""

    @property
    def title(self) -> str:
        """The name that was chosen, or its own; used in folder names."""
        return self.selection.name or self.name

    @abstractmethod
    def listing(self) -> Listing:
        """The files in a stable order.

        Raises:
            ApsiError: the place does not exist or can't be read.
        """

    def fetch(self, files: Sequence[SourceFile]) -> tuple[Skipped, ...]:  # noqa: B027, RUF100 - most have them
        """Makes sure that these files of the listing are on disk; returns those that can't be had.

        Raises:
            ApsiError: they can't be written.
        """
        return ()
