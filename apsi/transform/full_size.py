"""Recipes on whole photographs, of 8 or 16 bits."""

from collections.abc import Callable
from typing import cast

import numpy as np

from apsi.photo import Photo
from apsi.photo.depth import DeepPhoto
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
