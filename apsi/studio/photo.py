"""A photo in the studio: its file, what is kept of it, and what is made of it."""

from dataclasses import dataclass
from pathlib import Path

from apsi.advise.advice import Advice
from apsi.photo import Photo
from apsi.photo.depth import to_8_bits
from apsi.photo.full_size import PhotoFile
from apsi.photo.resample import fit
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe

PREVIEW = 1000
"""Pixels of the longer side of previews"""
LARGE = 2000
"""Pixels of the longer side of the copy that they are made of, so that those of crops are sharp"""


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

    large: PhotoFile
    """a copy of at most `LARGE` pixels in 8 bits, in the file's own RGB; crops are cut from it"""
    small: Photo
    """what the editor looked at"""
    format: str
    advice: Advice
    recipe: Recipe
    """as the editor decided"""

    @property
    def crop(self) -> Crop | None:
        """The crop that comes first, as decided, which the hand may change; None: the whole photo."""
        return split(self.recipe)[0]

    @property
    def edits(self) -> Recipe:
        """What was decided beside it."""
        return split(self.recipe)[1]

    @property
    def same_frame(self) -> bool:
        """Whether nothing is cut or turned but by the crop that comes first."""
        return not any(transform.reframes for transform in self.edits)

    def shown(self, crop: Crop | None) -> Photo:
        """Its pixels, or those of a crop, with a longer side of at most `PREVIEW`."""
        whole = to_8_bits(self.large.pixels)
        part = whole if crop is None else crop(whole)
        return fit(part, min(PREVIEW, max(part.shape[:2])), "longest_side")


def split(recipe: Recipe) -> tuple[Crop | None, Recipe]:
    """The crop that a recipe begins with, None where it does not, and the rest of it."""
    first = recipe.transforms[0] if recipe.transforms else None
    return (first, Recipe(recipe.transforms[1:])) if isinstance(first, Crop) else (None, recipe)


@dataclass(frozen=True)
class Prepared:
    """A file that can be fetched."""

    path: Path
    name: str
    """that it gets where it is kept"""
    said: tuple[str, ...] = ()
    """what is to be known of it, in sentences"""
