"""What of a recipe look-up tables can hold, and the base of the exports that write such tables."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from apsi.export.base import Export, ExportResult, LeftOut, for_this_photo
from apsi.export.crops import Crops
from apsi.export.steps import CUTS, Frame, Step
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
    crops: Crops | None = None
    """what stands beside the tables in a file of a program that crops too; it does the same before and after them"""

    @classmethod
    def of_steps(cls, steps: Sequence[Step], crops: Crops | None = None) -> Self:
        """What of these is a function of colours, or a crop where there are to be `crops`."""
        colours, left_out = [], []
        for step in steps:
            reason = crops.add(step) if crops is not None and step.reason == CUTS else step.reason
            if reason is not None:
                left_out.append(LeftOut(step.label, reason))
                if crops is not None:
                    crops.leave_out(step)
            elif step.reason is None:
                colours.append(step)
        held = [*colours, *(crops.held if crops is not None else ())]
        return cls(tuple(step.fixed for step in colours), tuple(left_out), for_this_photo(held), crops)

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
        labels = [transform.label for transform in self.transforms]
        labels += [step.label for step in self.crops.held] if self.crops else []
        left_out = [f"Left out: {one.label}, as {one.reason}." for one in self.left_out]
        return [f"Made by apsi of: {', '.join(labels)}.", *self.notes, *left_out]


class ColourExport(Export):
    """Writes down the part of a recipe that is a function of a pixel's colour alone, and its crops where it can."""

    crops_in: ClassVar[Literal["shares", "pixels"] | None] = None
    """how the program counts where a crop lies; None: its files hold none"""

    def write_steps(self, steps: Sequence[Step], folder: Path, name: str, frame: Frame | None) -> ExportResult:
        crops = Crops(frame, self.crops_in == "pixels") if self.crops_in else None
        edit = ColourEdit.of_steps(steps, crops)
        if not edit.transforms and (crops is None or crops.part is None):
            kind = "a matter of colours alone" if crops is None else "a matter of colours alone or a crop"
            return ExportResult((), edit.left_out, (f"No step of the recipe is {kind}: there is nothing to export.",))
        paths, notes = self.write_colours(edit, folder, name)
        return ExportResult(paths, edit.left_out, (*edit.notes, *notes))

    @abstractmethod
    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Writes the files of an edit with one step or more; returns them and what there is to say of them.

        Where the export holds crops, there may be nothing but these.
        """
