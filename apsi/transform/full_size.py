"""Recipes on whole photographs, of 8 or 16 bits."""

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from apsi.photo import Photo
from apsi.photo.depth import DeepPhoto, white
from apsi.transform.base import require_deep
from apsi.transform.recipe import Recipe


def apply(recipe: Recipe, photo: DeepPhoto, progress: Callable[[int, int], None] | None = None) -> DeepPhoto:
    """The edit that `recipe(photo)` is, bit for bit, of a photo of any size and depth.

    Beside the photo, about three more of its size are in memory at a time.

    Args:
        recipe: what was decided on a small copy, perhaps.
        photo: `(H, W, 3)` `uint8` or `uint16` RGB.
        progress: is told after each step how many of how many are done.

    Returns:
        The edited photo, in memory of its own.

    Raises:
        ApsiError: before anything is done, where the photo has 16 bits and a transform takes only 8.
    """
    edited = cast(Photo, photo)  # transforms that are `deep` take both
    if photo.dtype != np.uint8:
        require_deep(recipe)
    for done, transform in enumerate(recipe, 1):
        edited = transform(edited)
        if progress:
            progress(done, len(recipe))
    return edited.copy() if edited is photo or edited.base is not None else edited


def part_left_by(recipe: Recipe, photo: DeepPhoto) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what a recipe leaves of a photo; None where it does more than to cut."""
    left, top, part = 0, 0, cast(Photo, photo)
    for transform in recipe:
        height, width = part.shape[:2]
        if not transform.reframes or not transform.deep or max(height, width) > white(np.uint16):
            return None
        fixed = transform.fixed_for(part)
        if fixed.part_of(part) is None:
            return None
        # cut of pictures whose pixels say in which row and column they are, which take no memory
        rows, columns = (cast(Photo, np.broadcast_to(n[..., None], (height, width, 3))) for n in _places(height, width))
        left, top = left + int(fixed(columns)[0, 0, 0]), top + int(fixed(rows)[0, 0, 0])
        part = fixed(part)
    return left, top, left + part.shape[1], top + part.shape[0]


def _places(height: int, width: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    return np.arange(height, dtype=np.uint16)[:, None], np.arange(width, dtype=np.uint16)[None]
