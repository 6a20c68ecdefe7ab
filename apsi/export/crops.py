"""The crops of a recipe as one, in the frame that a program counts in."""

from dataclasses import dataclass, field

from apsi.export.steps import CUTS, MOVES, Frame, Part, Step
from apsi.photo.box import Ratio

WHERE = "where is known for straight cuts of a given photo only"
PIXELS = f"{CUTS}, and the program counts in pixels, which are known for a given photo only"


@dataclass
class Crops:
    """What is left of the frame, step by step; a crop of a crop is one crop."""

    frame: Frame | None
    """of the photo that the recipe is for; None: of any"""
    in_pixels: bool = False
    """whether the program counts in pixels"""
    part: Part | None = None
    """of the upright photo; None where nothing was cut"""
    ratio: Ratio | None = None
    """that the latest of them was cut to"""
    held: list[Step] = field(default_factory=list)
    _moved_by: str | None = None

    def add(self, step: Step) -> str | None:
        """Takes a step that cuts in; why that can't be, as the end of a sentence, or None."""
        reason = self._why_not(step)
        if reason is None:
            x0, y0, x1, y1 = step.part or (0, 0, 1, 1)
            left, top, right, bottom = self.part or (0, 0, 1, 1)
            width, height = right - left, bottom - top
            self.part = (left + x0 * width, top + y0 * height, left + x1 * width, top + y1 * height)
            self.ratio = step.ratio
            self.held.append(step)
        return reason

    def leave_out(self, step: Step) -> None:
        """Is told of a step that the file does not hold: what lies where after it is not known any more."""
        if step.reason in (MOVES, CUTS):
            self._moved_by = self._moved_by or step.label

    def _why_not(self, step: Step) -> str | None:
        if step.part is None:
            return f"{CUTS}, and {WHERE}"
        if self.in_pixels and self.frame is None:
            return PIXELS
        return f"it cuts the frame of {self._moved_by}, which is left out" if self._moved_by else None
