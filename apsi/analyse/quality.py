"""What may be wrong with photos: every check with its limit, where the limit comes from, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat

from apsi.analyse.material import Material, OnePhoto
from apsi.errors import ApsiError
from apsi.photo.measures import Measures, measure
from apsi.photo.read import UnreadablePhotoError
from apsi.photo.write import read_png
from apsi.preprocess.engine.base import Engine
from apsi.preprocess.source import ChangedFileError, read_source


@dataclass(frozen=True)
class Limits:
    """Beyond what a photo is told as a finding."""

    dark: NonNegativeFloat = 20.0
    """mean lightness (CIELAB, 0 to 100) below which a photo is dark"""
    bright: PositiveFloat = 76.0
    """mean lightness above which it is bright"""
    contrast: NonNegativeFloat = 23.0
    """lightness between the 5 % darkest and the 5 % lightest pixels below which it has low contrast"""
    uniform: NonNegativeFloat = 3.0
    """standard deviation of lightness below which there is hardly anything on it"""
    blur: PositiveFloat = 0.5
    """blur effect, 0 to 1, above which it is blurry"""
    size: PositiveFloat = 4.0
    """how many times more or fewer pixels than the median photo make a size odd"""
    aspect: PositiveFloat = 2.4
    """longer to shorter side above which a shape is odd"""

    def __post_init__(self) -> None:
        if not 0 <= self.dark < self.bright <= 100:
            raise ApsiError(
                f"task.limits: dark={self.dark} must be below bright={self.bright}, both lightness from 0 to 100"
            )
        if not self.blur <= 1:
            raise ApsiError(f"task.limits.blur={self.blur} must be at most 1, where nothing is sharp")
        for name in ("size", "aspect"):
            if not getattr(self, name) > 1:
                raise ApsiError(f"task.limits.{name}={getattr(self, name)} must be above 1: it is a ratio")


@dataclass(frozen=True)
class Looked:
    """One photo, looked at."""

    measures: Measures
    width: int
    height: int
    """of the file; of the prepared copy where the file was not read"""
    problem: str = ""
    """why the prepared copy was measured and not the file; empty: the file was"""


@dataclass(frozen=True)
class Check:
    """What is looked for."""

    name: str
    """as in files: `dark`"""
    title: str
    limit: str
    """in words"""
    origin: str
    """where the limit comes from"""
    remedy: str


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: Check
    photos: tuple[int, ...]
    """the worst first"""
    said: tuple[str, ...]
    """of each of them, what was measured"""

    @classmethod
    def of(cls, check: Check, over: Sequence[tuple[float, int, str]]) -> "Finding":
        """The photos by how far they are beyond the limit; each with that, its place, and what was measured."""
        ordered = sorted(over, key=lambda one: (-one[0], one[1]))
        return cls(check, tuple(i for _, i, _ in ordered), tuple(said for _, _, said in ordered))


def look(material: Material, files: dict[str, Path], engine: Engine, max_pixels: int) -> tuple[Looked, ...]:
    """Measures every photo: its file where it is the one that was prepared, else the copy at working size.

    Args:
        material: prepared photos.
        files: of the data set, by name.
        engine: reads them.
        max_pixels: files with more are not read.
    """
    work = [(photo, files.get(photo.name)) for photo in material.photos]
    return tuple(engine.map(partial(_look, max_pixels=max_pixels), work, "Looking at photos"))


def _look(work: tuple[OnePhoto, Path | None], max_pixels: int) -> Looked:
    photo, path = work
    problem = "its file is not known"
    if path is not None and photo.digest:
        try:
            pixels = read_source(path, photo.digest, max_pixels)
            return Looked(measure(pixels), pixels.shape[1], pixels.shape[0])
        except ChangedFileError:
            problem = "its file has changed since"
        except (OSError, UnreadablePhotoError) as error:
            problem = f"its file can't be read any more: {error}"
    small = read_png(photo.image)
    return Looked(measure(small), small.shape[1], small.shape[0], problem)
