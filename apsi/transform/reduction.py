"""Whether fewer transforms do the same: by the composition rules where these know, by pixels where they don't."""

from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from itertools import combinations, pairwise

import numpy as np

from apsi.photo import Photo
from apsi.photo.hash import pixel_hash
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import catalogue
from apsi.transform.channel_group import GENERATORS, Element, compose, word_lengths

Word = tuple[Transform, ...]
Shape = tuple[int, int]
Steps = frozenset[Transform]
"""Transforms that count as one step each"""
_SHAPES = ((72, 144), (144, 72), (73, 145))  # of the even sides every crop is even: two in a row round alike
_TINY = (12, 20)  # where a word makes something else of noise than another does, it is another at every size


def reduces(transforms: Iterable[Transform], among: Collection[Transform] = ()) -> bool:
    """Whether fewer transforms, or none at all, do the same as these in order.

    What fewer are looked for among: the catalogue, these transforms and `among`; inversions of several channels only
    where these or `among` have one, so that two inversions are two steps to an agent that has no other.

    Swaps, inversions and shifts are decided by the composition rules, as they act on even sides. All others are
    compared on noise and on a made photo: they reduce where the same fewer transforms give the same pixels of both,
    upright, across, or at an odd size. Up to three transforms every shorter combination is tried; of more, every three
    in a row, and leaving any out.
    """
    word = tuple(transforms)
    steps = _steps(frozenset(word), frozenset(among))
    if shortest_length(word, among) < len(word) or any(a.then(b) is not None for a, b in pairwise(word)):
        return True
    parts = (word[i:j] for i, j in combinations(range(len(word) + 1), 2))
    return any(_same_as_fewer(part, steps) for part in parts if any(t.element is None for t in part))


def shortest_length(transforms: Iterable[Transform], among: Collection[Transform] = ()) -> int:
    """How many transforms it takes to do the same as these in order, by the composition rules alone.

    Exact for the transforms that the rules know; one of the others counts as itself, and the runs between them are
    shortened each for itself.
    """
    word = tuple(transforms)
    lengths = _lengths(_steps(frozenset(word), frozenset(among)))
    length = 0
    run: list[Element] = []
    for transform in word:
        if transform.element is None:
            length += lengths[compose(run)] + 1
            run = []
        else:
            run.append(transform.element)
    return length + lengths[compose(run)]


@lru_cache(maxsize=2**16)
def _steps(used: Steps, among: Steps) -> Steps:
    named = used | among
    every = frozenset(catalogue().values()) | named
    steps = frozenset(transform for transform in every if transform.label != STOP_LABEL)
    if all(_is_single(transform) for transform in named):
        return frozenset(transform for transform in steps if _is_single(transform))
    return steps


def _is_single(transform: Transform) -> bool:
    return transform.element in GENERATORS or transform.element in (None, Element())


@cache
def _lengths(steps: Steps) -> dict[Element, int]:
    elements = {transform.element for transform in steps if transform.element is not None}
    return word_lengths(GENERATORS | elements - {Element()})


@lru_cache(maxsize=2**16)
def _same_as_fewer(word: Word, steps: Steps) -> bool:
    parts = [part for length in range(3, len(word)) for part in combinations(word, length)]
    if _is_cut(word):  # how much is cut is rounded, so that a tiny photo does not tell
        found = [w for shape in _SHAPES for w in _up_to_one(steps, shape).get(_result(word, shape), ())]
    else:
        result = _result(word, _TINY)
        found = [*_up_to_one(steps, _TINY).get(result, ())]
        found += _pairs(steps).get(result, ()) if len(word) > 2 else ()
        parts = [part for part in parts if _result(part, _TINY) == result]
    return any(
        all(_result(word, shape, probe) == _result(w, shape, probe) for probe in (0, 1))
        for w in (*found, *parts)
        if len(w) < len(word)
        for shape in _SHAPES
    )


def _is_cut(word: Word) -> bool:
    photo, _ = _probes(*_TINY)
    return _apply(word, photo).shape != photo.shape


@cache
def _up_to_one(steps: Steps, shape: Shape) -> dict[bytes, list[Word]]:
    """No step and single steps, by what they make of noise."""
    found: dict[bytes, list[Word]] = {}
    for word in ((), *((step,) for step in steps)):
        found.setdefault(_result(word, shape), []).append(word)
    return found


@cache
def _pairs(steps: Steps) -> dict[bytes, list[Word]]:
    """Two steps, by what they make of very little noise, as there are thousands."""
    noise, _ = _probes(*_TINY)
    found: dict[bytes, list[Word]] = {}
    for first in steps:
        photo = first(noise)
        for second in steps:
            found.setdefault(pixel_hash(second(photo)), []).append((first, second))
    return found


def _apply(word: Word, photo: Photo) -> Photo:
    for transform in word:
        photo = transform(photo)
    return photo


@lru_cache(maxsize=2**14)
def _result(word: Word, shape: Shape, probe: int = 0) -> bytes:
    return pixel_hash(_apply(word, _probes(*shape)[probe]))


@cache
def _probes(height: int, width: int) -> tuple[Photo, Photo]:
    """Noise, and a hazy photo with a colour cast and a crooked horizon, so that no transform leaves both alone."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    y, x = np.mgrid[:height, :width] / min(height, width)
    line = 0.42 * y.max() + 0.06 * (x - x.max() / 2)  # still in it after a crop, or a shift by half
    ground = np.clip((y - line) * min(height, width) + 0.5, 0, 1)
    light = 90 + 12 * np.sin(5 * x) * np.cos(4 * y) + 80 * ground
    made = light[..., None] * np.array([0.5, 1.0, 0.8]) + rng.normal(0, 0.5, (height, width, 3))
    return noise, np.clip(made, 0, 255).astype(np.uint8)
