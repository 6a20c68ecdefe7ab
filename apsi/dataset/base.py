"""The dataset contract."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from apsi.photo.read import MAX_PIXELS


@dataclass(frozen=True)
class SourceFile:
    """One file that may hold a photo."""

    name: str
    """path below the data set's root, with forward slashes; unique in the data set"""
    path: Path


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


class Dataset(ABC):
    """A named collection of image files."""

    is_sample: ClassVar[bool] = False
    """whether these are sample photos and not the user's own"""
    enlarge: dict[str, int]
    """for each split, how many versions of each photo there are: the photo itself, then random crops and flips of it"""
    max_pixels: int = MAX_PIXELS
    """files with more are skipped, before they are decoded"""
    info: Mapping[str, str] = MappingProxyType({})
    """what holds of all its photos and stands in annotation files: `licence`, `citation`, `url`, where known"""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, used in folder names."""

    @abstractmethod
    def listing(self) -> Listing:
        """The files in a stable order.

        Raises:
            ApsiError: the place does not exist or can't be read.
        """
