"""The export contract, and running several of them."""

import xml.etree.ElementTree as ET
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apsi.export.steps import Frame, Step, steps_of
from apsi.photo import Photo
from apsi.photo.names import cut_name, plain_name
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class LeftOut:
    """A step of the recipe that the files do not hold."""

    label: str
    reason: str
    """as the end of a sentence: `it cuts the frame`"""


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote, and what it could not."""

    paths: tuple[Path, ...] = ()
    """none where nothing of the recipe can be exported"""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """whole sentences: how exact it is, what holds for this photo only, how to load it"""


class Export(ABC):
    """Writes a recipe down in the way of another program."""

    def write(self, recipe: Recipe, photo: Photo | None, folder: Path, name: str, orientation: int = 1) -> ExportResult:
        """Writes a recipe.

        Args:
            recipe: what was done.
            photo: `(H, W, 3)` `uint8`, what it was done to, upright and whole; None where the recipe does the same to
                every photo.
            folder: where the files go; made where it is missing.
            name: what their names begin with; see `file_in`.
            orientation: that EXIF names for the pixels as the photo's file holds them, 1 to 8; programs differ in which
                of the two they count crops in.

        Raises:
            ApsiError: a step does something else to every photo, and there is none.
        """
        return self.write_steps(list(steps_of(recipe, photo)), folder, name, _frame(photo, orientation))

    @abstractmethod
    def write_steps(self, steps: Sequence[Step], folder: Path, name: str, frame: Frame | None) -> ExportResult:
        """Writes the steps of a recipe into files that `file_in` names; `frame` is of the photo that they are for."""


def export_all(
    exports: Mapping[str, Export], recipe: Recipe, photo: Photo | None, folder: Path, name: str, *, orientation: int = 1
) -> dict[str, ExportResult]:
    """What each export wrote, by its name; see `Export.write`. Nothing is written where that raises an error."""
    steps, frame = list(steps_of(recipe, photo)), _frame(photo, orientation)
    return {option: export.write_steps(steps, folder, name, frame) for option, export in exports.items()}


def _frame(photo: Photo | None, orientation: int) -> Frame | None:
    return None if photo is None else Frame(photo.shape[1], photo.shape[0], orientation)


def for_this_photo(steps: Sequence[Step]) -> tuple[str, ...]:
    """A sentence that names the steps that are something else for another photo, where there are some."""
    named = ", ".join(dict.fromkeys(step.label for step in steps if step.is_for_the_photo))
    return (f"For this photo only, as these steps are something else for another: {named}.",) if named else ()


def xml_text(root: ET.Element) -> str:
    """The content of an XML file, indented."""
    ET.indent(root)
    return f"{ET.tostring(root, 'utf-8', xml_declaration=True).decode()}\n"


def file_in(folder: Path, name: str, kind: str) -> Path:
    """A file below `folder` whatever the name, `NAME.cube`: what a file system does not take becomes `_`."""
    return folder / f"{cut_name(plain_name(name, '_')).strip(' .') or 'photo'}.{kind}"
