"""Framing: a photo of which a part is shown, and that part edited."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from apsi.env.crop_limits import CropLimits
from apsi.env.edit_state import EditState, Observation
from apsi.juror.framed import FramedPhoto
from apsi.photo import Photo
from apsi.photo.box import WHOLE, Box, Ratio
from apsi.photo.resample import resample, shrunk
from apsi.state import State
from apsi.transform.action_set import ActionSet
from apsi.transform.base import Transform
from apsi.transform.crop import Crop
from apsi.transform.crop_moves import Reframe
from apsi.transform.recipe import Recipe

DIMMED = 0.4
"""Of their values is what pixels outside of the crop are observed with"""
_PICTURE = 384  # longer side, in pixels, of what people are shown
_LINE = 2  # pixels of the frame in it


@dataclass(frozen=True, eq=False)
class CropState(EditState):
    """A box on the original, and edits of what it shows.

    Each view is cut from the original and only then made small, so that a small crop is no blurred one. Two crops are
    one; the crop comes first in the recipe, then what was edited.
    """

    limits: CropLimits
    view_size: int
    """longer side, in pixels, of what the juror gets; a smaller crop is not enlarged"""
    frame: Box
    edits: Recipe
    pixels: Photo
    small: Photo
    """the whole original, for jurors of crops: longer side `view_size`"""
    seen: Photo
    """the whole original in the size of observations"""

    @classmethod
    def begin(
        cls, photo: Photo, actions: ActionSet, observation_size: Sequence[int], limits: CropLimits, view_size: int
    ) -> Self:
        """The largest crop that the limits allow of a photo."""
        height, width = observation_size
        small, seen = shrunk(photo, view_size), resample(photo, width, height)
        state = cls(photo, actions, (height, width), Recipe(), limits, view_size, WHOLE, Recipe(), small, small, seen)
        return state.showing(limits.start(), Recipe())

    @classmethod
    def of_observation(cls, observation: Observation, actions: ActionSet, limits: CropLimits, view_size: int) -> Self:
        """What can be told of an observation: its lowest bits say what is inside of the crop."""
        shown = np.ascontiguousarray(observation.transpose(1, 2, 0))
        inside = (shown[..., 0] & 1).astype(bool)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        h, w = inside.shape
        box = Box(columns[0] / w, rows[0] / h, (columns[-1] + 1) / w, (rows[-1] + 1) / h) if len(rows) else WHOLE
        undimmed = np.minimum(np.ceil(shown / DIMMED), 255).astype(np.uint8)
        whole = np.where(inside[..., None], shown, undimmed)
        return cls.begin(whole, actions, observation.shape[1:], limits, view_size).showing(box, Recipe())

    @property
    def view(self) -> Photo:
        return self.pixels

    @property
    def box(self) -> Box:
        return self.frame

    @property
    def framed(self) -> FramedPhoto:
        return FramedPhoto(self.pixels, self.small, self.frame)

    @property
    def picture(self) -> Photo:
        return with_frame(shrunk(self.original, _PICTURE), self.frame, self.ratio, self.pixels)

    @property
    def ratio(self) -> Ratio | None:
        """That the crop has exactly."""
        return self.limits.ratio

    def same_part(self, photo: Photo) -> Photo:
        return shrunk(self.frame.cut(photo, self.ratio), self.view_size)

    def apply(self, action: Any) -> Self:
        return self._after(self.actions.recipe(action), self.limits.move)

    def play(self, recipe: Recipe) -> Self:
        return self._after(recipe, self._given)

    def _given(self, frame: Box, transform: Transform, part: Box | None) -> Box:
        """Where a crop that was asked for takes the box: moves obey the limits, cuts are what they are."""
        return self.limits.move(frame, transform, None) if part is None else frame.within(part)

    def _after(self, recipe: Recipe, move: Callable[[Box, Transform, Box | None], Box]) -> Self:
        frame, edits = self.frame, list(self.edits)
        for transform in recipe:
            is_move = isinstance(transform, Reframe)
            part = None if is_move else transform.part_of(frame.cut(self.original, self.ratio))
            if is_move or part is not None:
                frame = move(frame, transform, part)
            else:
                edits.append(transform)
        return self.showing(frame, Recipe(tuple(edits)))

    def showing(self, frame: Box, edits: Recipe) -> Self:
        """The state with this box, whatever the limits, and these edits of what it shows."""
        n_done = len(self.edits)
        if frame == self.frame and edits.transforms[:n_done] == self.edits.transforms:
            if len(edits) == n_done:
                return self
            pixels = Recipe(edits.transforms[n_done:])(self.pixels)
        else:
            pixels = edits(np.ascontiguousarray(shrunk(frame.cut(self.original, self.ratio), self.view_size)))
        return replace(self, frame=frame, edits=edits, recipe=self._recipe(frame, edits), pixels=pixels)

    def _recipe(self, frame: Box, edits: Recipe) -> Recipe:
        return Recipe((*((Crop(frame, self.ratio),) if frame != WHOLE else ()), *edits))

    def observe(self) -> Observation:
        height, width = self.observation_size
        left, top, right, bottom = self.frame.pixels(height, width)
        observed: Photo = (self.seen * DIMMED).astype(np.uint8) & np.uint8(0xFE)
        inside = (
            resample(self.pixels, right - left, bottom - top)
            if self.edits.transforms
            else self.seen[top:bottom, left:right]
        )
        observed[top:bottom, left:right] = inside | np.uint8(
            1
        )  # the lowest bit says what is inside, also of black photos
        seen: Observation = observed.transpose(2, 0, 1)
        return seen

    def state(self) -> State:
        return {"recipe": self.recipe.labels}

    def restored(self, state: State) -> Self:
        return self.replayed(Recipe.of(state["recipe"]))

    def replayed(self, recipe: Recipe) -> Self:
        crops = [t for t in recipe if isinstance(t, Crop)]
        frame = crops[0].box if crops else WHOLE
        return self.showing(frame, Recipe(tuple(t for t in recipe if not isinstance(t, Crop))))


def with_frame(whole: Photo, box: Box, ratio: Ratio | None, inside: Photo | None = None) -> Photo:
    """A picture of a whole photo with the frame of a crop, dimmed outside of it.

    Args:
        whole: `(H, W, 3)` `uint8`.
        box: the crop.
        ratio: that it has exactly.
        inside: what is shown in the frame, at any size; None: what `whole` shows there.
    """
    height, width = whole.shape[:2]
    left, top, right, bottom = box.pixels(height, width, ratio)
    line = max(_LINE, max(height, width) // 256)
    picture: Photo = (whole * DIMMED).astype(np.uint8)
    picture[max(0, top - line) : bottom + line, max(0, left - line) : right + line] = 255
    inside = whole[top:bottom, left:right] if inside is None else inside
    picture[top:bottom, left:right] = resample(inside, right - left, bottom - top)
    return picture
