"""A photo in the studio: its file, what is kept of it, and what is made of it."""

from dataclasses import dataclass
from pathlib import Path

from apsi.advise.advice import Advice
from apsi.photo import Photo
from apsi.photo.full_size import PhotoFile
from apsi.transform.recipe import Recipe

PREVIEW = 1000
"""Pixels of the longer side of the copy that previews are made of"""


@dataclass(frozen=True)
class Source:
    """A photo's file, and what people know it as."""

    path: Path
    name: str
    """`IMG_1234.jpg`"""

    @property
    def stem(self) -> str:
        """What the names of results begin with."""
        return Path(self.name).stem


@dataclass(frozen=True)
class Opened:
    """What is kept of a photo once it was decided on."""

    working: PhotoFile
    """a copy of at most `PREVIEW` pixels in 8 bits, in the file's own RGB"""
    small: Photo
    """what the editor looked at"""
    format: str
    advice: Advice
    recipe: Recipe
    """as the editor decided"""

    @property
    def same_frame(self) -> bool:
        """Whether nothing is cut or turned."""
        return not any(transform.reframes for transform in self.recipe)


@dataclass(frozen=True)
class Prepared:
    """A file that can be fetched."""

    path: Path
    name: str
    """that it gets where it is kept"""
    said: tuple[str, ...] = ()
    """what is to be known of it, in sentences"""
