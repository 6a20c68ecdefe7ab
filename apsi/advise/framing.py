"""Which part of a photo would be better than all of it, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apsi.advise.words import Words
from apsi.env.crop import NO_ACTIONS, Framing
from apsi.env.crop_state import CropState
from apsi.juror.base import FramingJuror, Juror
from apsi.juror.framed import FramedPhoto
from apsi.juror.mix import Mix, described
from apsi.photo import Floats
from apsi.photo.box import Ratio, largest_of_ratio, parse_ratio
from apsi.photo.full_size import PhotoFile
from apsi.policy.crops import anchor_recipes, outcomes_of
from apsi.transform.crop import Crop

NO_CROP_OF_SHAPE = (
    "No crop has the shape that advise.aspect asks for: of this photo it would be smaller than advise.min_area, or too "
    "small to look at."
)
_SIZE = 512  # longer side, in pixels, of the copy that crops are cut from
_BINS = 12  # of the grid
_NOTICEABLE = 0.1  # change of a part, from 0 to 1, that is told
_CUTS = 0.8  # of `uncut`, below which something is said to lie at an edge


@dataclass(frozen=True)
class CropAdvice:
    """A crop that is suggested, and what a juror of crops says of it."""

    label: str
    """of the `Crop`, as recipes have it"""
    sentence: str
    """what a photographer would say, in English"""
    area: float
    """share of the photo that is left"""
    juror: str
    knows: str
    """what its score answers to, and what not, in English"""
    before: float
    """score of the whole photo"""
    after: float
    """of the crop"""
    parts: dict[str, tuple[float, float]]
    """what the score is made of, before and after"""

    @property
    def gain(self) -> float:
        """After less before."""
        return self.after - self.before

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it, with what the parts say in English; `from_dict` reads it back."""
        parts = {name: list(values) for name, values in self.parts.items()}
        return vars(self) | {"parts": parts, "gain": self.gain, "said": crop_said(self, Words())}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CropAdvice":
        """What `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        fields = {name: value for name, value in data.items() if name not in ("gain", "said")}
        parts = {name: (float(before), float(after)) for name, (before, after) in fields["parts"].items()}
        return cls(**fields | {"parts": parts})


@dataclass(frozen=True)
class Framer:
    """Has a juror of crops score every box of a grid, as the policy `exhaustive` does."""

    framing: Framing
    """which crops are allowed"""
    juror: Juror
    """ready to score"""
    min_gain: float
    """of the score: what a crop must gain to be suggested"""
    applies: bool = False
    """whether the crop is made, and not only suggested"""

    def has_shape(self, photo: PhotoFile) -> bool:
        """Whether a photo has the shape that is asked for; any has where none is."""
        aspect = self.framing.aspect
        return aspect is None or _has_ratio(photo, parse_ratio(aspect, "advise.aspect"))

    def crop_for(self, photo: PhotoFile) -> CropAdvice | None:
        """The best crop of a photo as it is; None where none is clearly better.

        Of a photo that does not have the shape which is asked for, the best crop of that shape, whatever it gains; None
        where none of that shape is large enough.
        """
        small = photo.small_copy(min(_SIZE, max(photo.pixels.shape[:2])), "longest_side")
        framing = self.framing.fitted_to(small)
        if framing is None:
            return None
        begun = framing.begin(small, NO_ACTIONS)
        assert isinstance(begun, CropState)
        states = outcomes_of(begun, anchor_recipes(_BINS, framing.min_area))
        has_shape = self.has_shape(photo)
        if not has_shape:
            states.append(begun)
        if not states:
            return None
        whole = FramedPhoto(begun.small)
        scores = self.juror.score_framed([whole, *(state.framed for state in states)])
        best = int(np.argmax(scores[1:]))
        before, after = float(scores[0]), float(scores[1 + best])
        if has_shape and after < before + self.min_gain:
            return None
        crop = states[best].recipe.transforms[0]
        assert isinstance(crop, Crop)
        parts = parts_of(self.juror, [whole, states[best].framed])
        return CropAdvice(
            crop.label,
            crop.advice,
            crop.box.area,
            *described(self.juror),
            before,
            after,
            {name: (float(values[0]), float(values[1])) for name, values in parts.items()},
        )


def _has_ratio(photo: PhotoFile, ratio: Ratio) -> bool:
    """Whether a photo has it to a pixel."""
    height, width = photo.pixels.shape[:2]
    across, down = largest_of_ratio(height, width, ratio)
    return bool((1 - across) * width < 1 and (1 - down) * height < 1)


def parts_of(juror: Juror, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
    """What the scores of crops are made of, by the names of the parts, also within a mix; empty where nothing is."""
    if isinstance(juror, FramingJuror):
        return juror.parts(framed)
    inner = juror.jurors.values() if isinstance(juror, Mix) else ()
    return {name: values for one in reversed(list(inner)) for name, values in parts_of(one, framed).items()}


def crop_said(crop: CropAdvice, words: Words) -> list[str]:
    """What the parts say of a crop, and how it scores, in sentences."""
    area, kept = share(crop.area, words), crop.parts.get("kept")
    if kept is None:
        said = [words("It shows {area} of the photo.", area=area)]
    else:
        said = [
            words(
                "It keeps {kept} of what people probably look at, on {area} of the photo.",
                kept=share(kept[1], words),
                area=area,
            )
        ]
    filled, placed, uncut = (_change(crop, name) for name in ("filled", "placed", "uncut"))
    if filled >= _NOTICEABLE:
        said.append(words("The subject fills more of the picture."))
    if placed >= _NOTICEABLE:
        said.append(words("The subject comes nearer to a third."))
    elif placed <= -_NOTICEABLE:
        said.append(words("The subject goes further from the thirds: look whether you want it."))
    if uncut <= -_NOTICEABLE and crop.parts["uncut"][1] < _CUTS:
        said.append(words("Something that people look at lies at an edge of it: look whether you want it."))
    return said


def crop_scored(crop: CropAdvice, words: Words) -> str:
    """Who scored a crop, and what they know."""
    said = words(
        "The whole photo scores {before} and the crop {after}, of 10.",
        before=words.number(crop.before),
        after=words.number(crop.after),
    )
    return f"{said} {score_knows(crop.juror, crop.knows, words)}"


def score_knows(juror: str, knows: str, words: Words) -> str:
    """What a score answers to in plain words, and the juror's name as settings have it."""
    if not knows:
        return words("The juror is {juror}.", juror=juror)
    return words("What this score answers to: {knows} (juror: {juror}).", knows=words(knows), juror=juror)


def share(number: float, words: Words) -> str:
    """A share in percent, never rounded to all or nothing."""
    percent = 100 * number
    if 1 <= percent <= 99 or percent in (0, 100):
        return f"{words.number(percent, 0)}\N{NO-BREAK SPACE}%"
    return f"{words.number(min(99.9, max(0.1, percent)), 1)}\N{NO-BREAK SPACE}%"


def _change(crop: CropAdvice, part: str) -> float:
    before, after = crop.parts.get(part, (0.0, 0.0))
    return after - before
