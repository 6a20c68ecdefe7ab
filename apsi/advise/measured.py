"""What is measured of a photo before and after each step, which no juror is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from apsi.advise.framing import share
from apsi.advise.words import Words
from apsi.photo import Photo
from apsi.photo.measures import measure
from apsi.transform.recipe import Recipe

MOST_GREYED = 0.02
"""share of a photo beyond which burnt-out areas that came out grey are told: less is a highlight or two"""
_BURNT = 250  # level that all channels reach where there is nothing left but white
_GREY = 245  # level that no channel passes where white is seen as grey
_LEANS = "Its colours leaned to {was} by {before} on average (0: neutral), they lean to {now} by {after} now."
_SENTENCES = {
    "lightness": "Mean brightness was {before} of 100, it is {after} now.",
    "contrast": "From dark to light its tones spanned {before} of 100, they span {after} now.",
    "yellow": _LEANS,
    "magenta": _LEANS,
    "saturation": "Mean saturation was {before} (0: grey), it is {after} now.",
    "blur": "Its blur was {before} of 1 (0: sharp), it is {after} now.",
}
_WAYS = {"yellow": ("yellow", "blue"), "magenta": ("magenta", "green")}
SENTENCES = (*_SENTENCES.values(), *(way for ways in _WAYS.values() for way in ways))
"""All that an `Observation` says"""
_SEEN = {"lightness": 1.0, "contrast": 1.5, "yellow": 0.7, "magenta": 0.7, "saturation": 0.7, "blur": 0.01}
"""Changes of about equal weight to the eye; smaller ones are hardly seen"""


@dataclass(frozen=True)
class Observation:
    """What was measured of a photo before and after a step."""

    of: str
    """In CIELAB `lightness`: mean, 0 to 100; `contrast`: lightness between the 5 % darkest and the 5 % lightest pixels;
    `yellow` and `magenta`: mean, below 0 blue and green; `saturation`: mean chroma. `blur`: 0 to 1, as in
    `apsi.photo.measures`"""
    before: float
    after: float

    @property
    def digits(self) -> int:
        """Decimals that are told."""
        return 2 if self.of == "blur" else 1


def observed(recipe: Recipe, views: Sequence[Photo]) -> list[Observation | None]:
    """For each step the measure that it is about, or else the one that it changed most.

    None where that is not seen to have changed, and for steps that frame anew.

    Args:
        recipe: the steps.
        views: the photo before the first step and after each, `(H, W, 3)` `uint8`.
    """
    measured, found = [_measures(view) for view in views], []
    for transform, (before, after) in zip(recipe, pairwise(measured), strict=True):
        changes = {name: abs(after[name] - before[name]) / seen for name, seen in _SEEN.items()}
        of = transform.about or max(changes, key=lambda name: changes[name])
        one = Observation(of, before[of], after[of])
        is_told = round(one.before, one.digits) != round(one.after, one.digits) and not transform.reframes
        found.append(one if is_told and (transform.about or changes[of] >= 1) else None)
    return found


def _measures(photo: Photo) -> dict[str, float]:
    light, lab = measure(photo), cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return {
        "lightness": light.lightness,
        "contrast": light.spread,
        "yellow": float(lab[..., 2].mean()),
        "magenta": float(lab[..., 1].mean()),
        "saturation": float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
        "blur": light.blur,
    }


def observation_said(one: Observation, words: Words) -> str:
    """An observation in a sentence."""
    ways = _WAYS.get(one.of)
    if ways is None:
        before, after = (words.number(value, one.digits) for value in (one.before, one.after))
        return words(_SENTENCES[one.of], before=before, after=after)
    was, now = (words(ways[value < 0]) for value in (one.before, one.after))
    before, after = (words.number(abs(value), one.digits) for value in (one.before, one.after))
    return words(_SENTENCES[one.of], was=was, before=before, now=now, after=after)


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
