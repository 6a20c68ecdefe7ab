"""The transform contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Self

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Photo, require_photo
from apsi.photo.box import Box
from apsi.transform.channel_group import Element

STOP_LABEL = "stop"


@dataclass(frozen=True)
class Transform(ABC):
    """A pure function `(H, W, 3)` `uint8` -> `(H, W, 3)` `uint8` that never changes its input.

    What a transform is given and what it gives is checked at every call: anything else is an `ApsiError` that names it.
    """

    reframes: ClassVar[bool] = False
    """whether it crops, turns or mirrors the picture: its pixels can't be compared with those of the original then"""
    deep: ClassVar[bool] = False
    """Whether it does the same to photos of 16 bits, `uint16`"""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            cls.__call__ = _checked(cls.__call__)  # type: ignore[assignment]  # a function is a method there

    @property
    @abstractmethod
    def label(self) -> str:
        """Stable name, e.g. `swap_gb`: used in recipes, checkpoints and data files."""

    @property
    @abstractmethod
    def advice(self) -> str:
        """What a photographer would say, in one sentence."""

    @abstractmethod
    def __call__(self, photo: Photo) -> Photo: ...

    @property
    def about(self) -> str:
        """What it is made to change: `lightness`, `contrast`, `yellow`, `magenta`, `saturation` or `blur`.

        As `apsi.advise.measured` measures it; empty: several of them, or something else.
        """
        return ""

    def fixed_for(self, photo: Photo) -> "Transform":
        """The same edit with what it takes from the whole photo, such as a mean, taken from this one.

        Its own where it takes nothing, or where the parts that it takes something from move with the pixels.
        """
        return self

    def part_of(self, photo: Photo) -> Box | None:
        """The part of this photo that is left, of a transform that cuts and does nothing else; None of others."""
        return None

    def then(self, other: "Transform") -> "Transform | None":
        """The one transform that does the same as this one and the other after it, where it is known that one does."""
        return None

    @property
    def inverse(self) -> "Transform | None":
        """The transform that undoes this one bit for bit, or None."""
        return None

    @property
    def mirrored(self) -> "Transform":
        """What does the same to a mirrored photo: itself, unless it tells left from right."""
        return self

    @property
    def element(self) -> Element | None:
        """What this does to the channels, where the composition rules know it; None: it combines with nothing."""
        return None


def require_deep(transforms: Iterable[Transform]) -> None:
    """Raises an ApsiError that names the transforms that photos of 16 bits can't be given to, if there are any."""
    shallow = [transform.label for transform in transforms if not transform.deep]
    if shallow:
        raise ApsiError(
            f"a photo of 16 bits, and these transforms are for 8 bits only: {', '.join(dict.fromkeys(shallow))}; leave "
            "them out, or give them the photo in 8 bits (apsi.photo.depth.to_8_bits)"
        )


def _checked(call: Callable[[Any, Photo], Photo]) -> Callable[[Any, Photo], Photo]:
    @wraps(call)
    def checked(self: Transform, photo: Photo) -> Photo:
        try:
            require_photo(photo, deep=True)
        except (AttributeError, ValueError) as error:
            raise ApsiError(
                f"transform '{self.label}' was not given a photo: {error}; read files with apsi.photo.read.read_photo, "
                "or leave out a fourth channel: photo[..., :3]"
            ) from error
        if photo.dtype != np.uint8:
            require_deep([self])
        result = call(self, photo)
        try:
            require_photo(result, deep=True)
            if result.dtype != photo.dtype:
                raise ValueError(f"it was given {photo.dtype}, this is {result.dtype}")
        except (AttributeError, ValueError) as error:
            kind = f"{type(self).__module__}.{type(self).__qualname__}"
            raise ApsiError(f"transform '{self.label}' ({kind}) does not return a photo: {error}") from error
        return result

    return checked


@dataclass(frozen=True)
class Named(Transform):
    """A transform whose label and advice are given, not derived."""

    name: str
    words: str

    @property
    def label(self) -> str:
        return self.name

    @property
    def advice(self) -> str:
        return self.words


@dataclass(frozen=True)
class Stop(Transform):
    """The agent's own end of an episode; changes nothing."""

    deep = True

    @property
    def label(self) -> str:
        return STOP_LABEL

    @property
    def advice(self) -> str:
        return "Leave it as it is now."

    @property
    def inverse(self) -> Self:
        return self

    @property
    def element(self) -> Element:
        return Element()

    def __call__(self, photo: Photo) -> Photo:
        return photo


@dataclass(frozen=True)
class LabelParser:
    """Finds transforms whose labels hold numbers, such as `exposure(+0.350)`: more than can be listed one by one."""

    names: tuple[str, ...]
    """what such labels begin with, before the bracket; no other parser has them"""
    written: str
    """how the rest is written, with an example"""
    parse: Callable[[str], Transform | None]
    """The transform of a label that begins so, None where the rest is written otherwise; an `ApsiError` where numbers
    are out of range"""
