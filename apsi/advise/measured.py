"""What is measured of a photo before and after each step, which no juror is asked for."""

from collections.abc import Sequence
from itertools import pairwise

from apsi.advise.framing import share
from apsi.advise.words import Words
from apsi.photo import Photo
from apsi.transform.recipe import Recipe

MOST_GREYED = 0.02
"""share of a photo beyond which burnt-out areas that came out grey are told: less is a highlight or two"""
_BURNT = 250  # level that all channels reach where there is nothing left but white
_GREY = 245  # level that no channel passes where white is seen as grey


def greyed(recipe: Recipe, views: Sequence[Photo]) -> list[float]:
    """For each step, which share of the photo was burnt out to white and came out as grey by it.

    What is burnt out has no detail that a darker version could show.

    Args:
        recipe: the steps.
        views: the photo before the first step and after each, `(H, W, 3)` `uint8`.
    """
    begun, found = views[0], []
    for transform, (before, after) in zip(recipe, pairwise(views), strict=True):
        if transform.reframes:  # its pixels lie elsewhere now
            begun, newly = after, 0.0
        else:
            was_white = (begun.min(axis=2) >= _BURNT) & (before.max(axis=2) > _GREY)
            newly = float((was_white & (after.max(axis=2) <= _GREY)).mean())
        found.append(newly)
    return found


def greyed_said(area: float, words: Words) -> str:
    """A warning of a step by its share of `greyed`; empty where that is small."""
    if area < MOST_GREYED:
        return ""
    return words(
        "Look at the whites: {area} of the photo was burnt out to white and is a flat grey now, as no detail is left "
        "there to bring back.",
        area=share(area, words),
    )
