"""The steps of a recipe one by one, and which are a function of a pixel's colour alone: what look-up tables can hold.

Nothing is known of a transform but what it does: it is tried on photos made of the same colours in another order, and
among other colours. What gives each colour the same every time is a function of colours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.box import Ratio
from apsi.transform.base import Transform
from apsi.transform.crop import Crop, CropRatio
from apsi.transform.recipe import Recipe

_LEVELS, _STEP = 16, 17  # of each channel of the probes: 0, 17, ... 255
_SHAPE = (256, 320)  # of the first probe; on much smaller ones the weakest blurs do nothing
_ROUNDED_OTHERWISE = 1e-3  # of all values, by one level
_SAMPLE = 1 << 16  # pixels of the photo that are looked at

CUTS = "it cuts the frame"
MOVES = "it moves pixels"
OTHERS = "what becomes of a pixel depends on other pixels"
WHOLE = "what becomes of a colour depends on the whole photo"

Part = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of the photo's sides: to the pixel, where a `Box` has thousandths"""


@dataclass(frozen=True)
class Frame:
    """The photo that a recipe is for, in pixels, upright."""

    width: int
    height: int
    orientation: int = 1
    """that EXIF names for the pixels as the file holds them"""


@dataclass(frozen=True)
class Step:
    """A transform of a recipe, seen by itself."""

    label: str
    fixed: Transform
    """the same edit, with what depends on the whole photo decided by this one"""
    is_for_the_photo: bool
    """whether there was anything to decide"""
    reason: str | None
    """why no table of colours can do it; None where one can"""
    part: Part | None = None
    """what it keeps of the photo, where all it does is to cut"""
    ratio: Ratio | None = None
    """that it cuts to"""


def steps_of(recipe: Recipe, photo: Photo | None) -> Iterator[Step]:
    """Takes a recipe apart.

    Args:
        recipe: any.
        photo: `(H, W, 3)` `uint8`, the one that the recipe is for; None where it does the same to every photo.

    Raises:
        ApsiError: a step does something else to every photo, and there is none.
    """
    for transform in recipe:
        if photo is None:
            reason = why_no_function_of_colour(transform)
            if reason == WHOLE:
                raise ApsiError(
                    f"'{transform.label}' does something else to every photo: name the one that it is for: photo=FILE"
                )
            part = _part_of_any(transform) if reason == CUTS else None
            yield Step(transform.label, transform, False, reason, part, _ratio(transform))
        else:
            fixed, edited = transform.fixed_for(photo), transform(photo)
            reason = why_no_function_of_colour(fixed) or _why_not_on(photo, edited, fixed)
            part = _part(photo, edited, fixed) if reason == CUTS else None
            yield Step(transform.label, fixed, fixed != transform, reason, part, _ratio(transform))
            photo = edited


def why_no_function_of_colour(transform: Transform) -> str | None:
    """Why no table of colours can do what a transform does; None where one can."""
    first, *others = _probes()
    edited = transform(first)
    if edited.shape != first.shape:
        return CUTS
    table = np.zeros((_LEVELS**3, 3), np.uint8)
    table[_numbers(first)] = edited
    for reason, probe in zip((OTHERS, WHOLE, WHOLE, OTHERS), others, strict=True):
        found = transform(probe)
        if found.shape != probe.shape:
            return CUTS
        if not _alike(found, table[_numbers(probe)]):
            return MOVES if reason == OTHERS and _same_colours(probe, found) else reason
    return None


def _why_not_on(photo: Photo, edited: Photo, fixed: Transform) -> str | None:
    """Why a transform, which the probes say nothing against, is no function of colours for this photo."""
    if edited.shape != photo.shape:
        return CUTS
    chosen = np.random.default_rng(0).integers(0, photo.shape[0] * photo.shape[1], _SAMPLE)
    among_others = np.concatenate([photo.reshape(-1, 3)[chosen], _probes()[1].reshape(-1, 3)])
    expected = fixed(among_others.reshape(-1, 1, 3))[:_SAMPLE, 0]
    return None if _alike(edited.reshape(-1, 3)[chosen], expected) else OTHERS


def _part_of_any(transform: Transform) -> Part | None:
    """What a transform keeps of every photo; None where it does more than to cut, or keeps another part of another."""
    boxes = set()
    for probe in _probes()[:2]:  # of different shapes
        box = transform.part_of(probe) if transform.fixed_for(probe) == transform else None
        found = _part(probe, transform(probe), transform)
        if box is None or found is None or np.abs((box.array - found) * max(probe.shape)).max() > 1:
            return None
        boxes.add((box.x1, box.y1, box.x2, box.y2))
    return boxes.pop() if len(boxes) == 1 else None


def _ratio(transform: Transform) -> Ratio | None:
    return transform.ratio if isinstance(transform, Crop | CropRatio) else None


def _part(photo: Photo, edited: Photo, fixed: Transform) -> Part | None:
    """What a transform keeps of a photo; None where it does more than to cut.

    It is found by cutting pictures whose pixels say where they are.
    """
    height, width = photo.shape[:2]
    top, left = (
        int(fixed(np.stack([n >> 8, n & 255, 0 * n], axis=-1).astype(np.uint8))[0, 0] @ np.array([256, 1, 0]))
        for n in np.indices((height, width), np.uint16)
    )
    bottom, right = top + edited.shape[0], left + edited.shape[1]
    if not np.array_equal(edited, photo[top:bottom, left:right]):
        return None
    return left / width, top / height, right / width, bottom / height


def _alike(found: Photo, expected: Photo) -> bool:
    """Whether two photos are the same but for what floats are rounded to in another layout of the memory."""
    differs = np.abs(found.astype(np.int16) - expected)
    return bool(differs.max() <= 1 and (differs > 0).mean() <= _ROUNDED_OTHERWISE)


@cache
def _probes() -> tuple[Photo, ...]:
    """Colours in order; all in disorder and another shape; some dark; some bright; a tilted horizon."""
    levels = np.arange(_LEVELS) * _STEP
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.uint8)
    rng = np.random.default_rng(0)
    places = np.arange(_SHAPE[0] * _SHAPE[1])  # a multiple of the colours, so that each is there as often as any other
    y, x = np.mgrid[: _SHAPE[0], : _SHAPE[1]]
    horizon = (levels[13] - levels[10] * (y + 0.08 * x > _SHAPE[0] / 2)).astype(np.uint8)

    def drawn(values: Photo) -> Photo:
        drawn: Photo = values[rng.permutation(places) % len(values)].reshape(*_SHAPE[::-1], 3)
        return drawn

    reddish_dark = (colours <= levels[[12, 9, 6]]).all(axis=1)
    return (
        colours[places * len(colours) // len(places)].reshape(*_SHAPE, 3),
        drawn(colours),
        drawn(colours[reddish_dark]),
        drawn(255 - colours[reddish_dark]),
        horizon[..., None].repeat(3, axis=2),
    )


def _numbers(probe: Photo) -> npt.NDArray[np.int64]:
    """Which of the colours each pixel has."""
    numbers: npt.NDArray[np.int64] = probe.astype(np.int64) // _STEP @ np.array([_LEVELS**2, _LEVELS, 1])
    return numbers


def _same_colours(one: Photo, other: Photo) -> bool:
    def in_order(photo: Photo) -> npt.NDArray[Any]:
        return np.sort((photo @ np.array([256**2, 256, 1])).ravel())

    return one.shape == other.shape and np.array_equal(in_order(one), in_order(other))
