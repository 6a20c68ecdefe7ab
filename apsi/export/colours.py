"""What of a recipe look-up tables can hold, and the base of the exports that write such tables."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from apsi.export.base import Export, ExportResult, LeftOut, for_this_photo
from apsi.export.steps import Step
from apsi.photo import Photo
from apsi.transform.base import Transform
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class ColourEdit:
    """The part of a recipe that is a function of a pixel's colour alone; itself a function photo -> photo."""

    transforms: tuple[Transform, ...]
    """those steps, in order, each the same for every photo"""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """what there is to say of any file that is made of it"""

    @classmethod
    def of_steps(cls, steps: Sequence[Step]) -> Self:
        """What of these is a function of colours."""
        kept = [step for step in steps if step.reason is None]
        left_out = [LeftOut(step.label, step.reason) for step in steps if step.reason is not None]
        return cls(tuple(step.fixed for step in kept), tuple(left_out), for_this_photo(kept))

    def __call__(self, photo: Photo) -> Photo:
        return Recipe(self.transforms)(photo)

    def of_levels(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """What becomes of all colours of these levels, `(n, n, n, 3)`: first red, then green, then blue."""
        n = len(levels)
        colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).astype(np.uint8)
        return self(colours.reshape(n * n, n, 3)).reshape(n, n, n, 3)

    @property
    def about(self) -> list[str]:
        """What the comment of a file says, a line each: what it holds, for which photos, and what is left out."""
        labels = ", ".join(transform.label for transform in self.transforms)
        left_out = [f"Left out: {one.label}, as {one.reason}." for one in self.left_out]
        return [f"Made by apsi of: {labels}.", *self.notes, *left_out]


class ColourExport(Export):
    """Writes down the part of a recipe that is a function of a pixel's colour alone."""

    def write_steps(self, steps: Sequence[Step], folder: Path, name: str) -> ExportResult:
        edit = ColourEdit.of_steps(steps)
        if not edit.transforms:
            nothing = "No step of the recipe is a matter of colours alone: there is nothing to export."
            return ExportResult((), edit.left_out, (nothing,))
        paths, notes = self.write_colours(edit, folder, name)
        return ExportResult(paths, edit.left_out, (*edit.notes, *notes))

    @abstractmethod
    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Writes the files of an edit with one step or more; returns them and what there is to say of them."""
