"""Adjustments of any strength: what continuous actions are made of."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from apsi.errors import ApsiError, did_you_mean
from apsi.photo import Photo
from apsi.transform.base import LabelParser, Transform
from apsi.transform.colour import change_saturation, look_up, multiply_channels
from apsi.transform.detail import gaussian, unsharp
from apsi.transform.lighting import contrast_table, exposure_table, gamma_table

_LABEL = re.compile(r"([a-z_]+)\(([+-]\d\.\d{3})\)")


@dataclass(frozen=True)
class _Kind:
    apply: Callable[[Photo, float], Photo]
    more: str
    less: str
    about: str


def _blur_or_sharpen(photo: Photo, strength: float) -> Photo:
    return gaussian(photo, -3 * strength) if strength < 0 else unsharp(photo, 1.5, 1.5 * strength)


_KINDS = {
    "exposure": _Kind(
        lambda p, s: look_up(p, exposure_table(s, p.dtype)),
        "Open up the exposure",
        "Take the exposure back",
        "lightness",
    ),
    "contrast": _Kind(
        lambda p, s: look_up(p, contrast_table(2**s, p.dtype)), "Raise the contrast", "Lower the contrast", "contrast"
    ),
    "saturation": _Kind(
        lambda p, s: change_saturation(p, lambda values: values * (1 + s)),
        "Saturate the colours",
        "Mute the colours",
        "saturation",
    ),
    "vibrance": _Kind(
        lambda p, s: change_saturation(p, lambda values: values * (1 + s * (1 - values))),
        "Enliven the pale colours",
        "Calm the pale colours",
        "saturation",
    ),
    "temperature": _Kind(
        lambda p, s: multiply_channels(p, (1 + 0.25 * s, 1.0, 1 - 0.25 * s)),
        "Warm up the light",
        "Cool down the light",
        "yellow",
    ),
    "tint": _Kind(
        lambda p, s: multiply_channels(p, (1.0, 1 - 0.2 * s, 1.0)),
        "Shift the tint to magenta",
        "Shift the tint to green",
        "magenta",
    ),
    "gamma": _Kind(
        lambda p, s: look_up(p, gamma_table(2**-s, p.dtype)),
        "Lift the middle tones",
        "Press the middle tones down",
        "lightness",
    ),
    "blur_sharpen": _Kind(_blur_or_sharpen, "Sharpen it", "Soften it", "blur"),
}

_NOUNS = {"blur_sharpen": "sharpness"}
_STOPS = {
    0.1: "by a touch",
    1 / 3: "by a third of a stop",
    1 / 2: "by half a stop",
    2 / 3: "by two thirds of a stop",
    1.0: "by a full stop",
}
_AMOUNTS = {0.1: "by a touch", 0.3: "a little", 0.65: "clearly", 1.0: "a lot"}

ADJUSTMENTS: tuple[str, ...] = tuple(_KINDS)
"""Names of all adjustments"""


@dataclass(frozen=True)
class Adjust(Transform):
    """An adjustment by its name and strength in [-1, 1]; 0 changes nothing.

    At full strength: exposure one stop of linear light; contrast times 2 or 1/2; saturation and vibrance doubled or
    gone; temperature a quarter more red and less blue; tint a fifth less green; gamma 1/2 or 2; blur_sharpen a Gaussian
    of 3 pixels (at a shorter side of 128), or an unsharp mask of 1.5 pixels and 1.5 times the difference.
    """

    deep = True

    name: str
    strength: float
    """rounded to three decimals, which the label has"""

    def __post_init__(self) -> None:
        if self.name not in _KINDS:
            raise ApsiError(
                f"unknown adjustment '{self.name}'.{did_you_mean(self.name, ADJUSTMENTS)} "
                f"Known: {', '.join(ADJUSTMENTS)}."
            )
        if not -1 <= self.strength <= 1:
            raise ApsiError(f"the strength of {self.name} is {self.strength}, it must be in [-1, 1]")
        # a float whatever number came in, and never -0: equal labels are equal adjustments
        object.__setattr__(self, "strength", round(float(self.strength), 3) + 0.0)

    @property
    def label(self) -> str:
        return f"{self.name}({self.strength:+.3f})"

    @property
    def advice(self) -> str:
        kind = _KINDS[self.name]
        if not self.strength:
            return f"Leave the {_NOUNS.get(self.name, self.name)} as it is."
        words = _STOPS if self.name == "exposure" else _AMOUNTS
        much = words[min(words, key=lambda amount: abs(amount - abs(self.strength)))]
        return f"{kind.more if self.strength > 0 else kind.less} {much}."

    @property
    def about(self) -> str:
        return _KINDS[self.name].about

    def __call__(self, photo: Photo) -> Photo:
        return _KINDS[self.name].apply(photo, self.strength) if self.strength else photo.copy()


def parse(label: str) -> Adjust | None:
    """The adjustment of a label such as `exposure(+0.350)`; None where it is no such label."""
    found = _LABEL.fullmatch(label)
    return Adjust(found[1], float(found[2])) if found else None


PARSERS = (LabelParser(ADJUSTMENTS, "with a strength in [-1, 1] written as in exposure(+0.350)", parse),)
