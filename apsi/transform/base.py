"""The transform contract and the catalogue of all transforms, found by their labels."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, Self

import apsi.transform
from apsi.errors import ApsiError, did_you_mean
from apsi.photo import Photo, require_photo
from apsi.transform.channel_group import Element

STOP_LABEL = "stop"


@dataclass(frozen=True)
class Transform(ABC):
    """A pure function `(H, W, 3)` `uint8` -> `(H, W, 3)` `uint8` that never changes its input.

    What a transform is given and what it gives is checked at every call: anything else is an `ApsiError` that names it.
    """

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
    def inverse(self) -> "Transform | None":
        """The transform that undoes this one bit for bit, or None."""
        return None

    @property
    def element(self) -> Element | None:
        """What this does to the channels, where the composition rules know it; None: it combines with nothing."""
        return None


def _checked(call: Callable[[Any, Photo], Photo]) -> Callable[[Any, Photo], Photo]:
    @wraps(call)
    def checked(self: Transform, photo: Photo) -> Photo:
        try:
            require_photo(photo)
        except (AttributeError, ValueError) as error:
            raise ApsiError(
                f"transform '{self.label}' was not given a photo: {error}; read files with apsi.photo.read.read_photo, "
                "or leave out a fourth channel: photo[..., :3]"
            ) from error
        result = call(self, photo)
        try:
            return require_photo(result)
        except (AttributeError, ValueError) as error:
            kind = f"{type(self).__module__}.{type(self).__qualname__}"
            raise ApsiError(f"transform '{self.label}' ({kind}) does not return a photo: {error}") from error

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


@cache
def catalogue() -> dict[str, Transform]:
    """Every transform by label: what the modules of this package list in their `TRANSFORMS`."""
    found: dict[str, Transform] = {STOP_LABEL: Stop()}
    for module in pkgutil.iter_modules(apsi.transform.__path__):
        for transform in getattr(importlib.import_module(f"apsi.transform.{module.name}"), "TRANSFORMS", ()):
            if transform.label in found:
                raise ApsiError(f"two transforms are labelled '{transform.label}' (apsi/transform/{module.name}.py)")
            found[transform.label] = transform
    return found


def by_label(label: str) -> Transform:
    """The transform of this label: one of the catalogue, or an adjustment with its strength, `exposure(+0.350)`.

    Raises:
        ApsiError: there is none, the message names the closest; or an adjustment's strength is out of range.
    """
    from apsi.transform.adjust import ADJUSTMENTS, parse  # which needs this module

    known = catalogue()
    adjustment = parse(label)
    if adjustment is not None:
        return adjustment
    if label not in known:
        raise ApsiError(
            f"unknown transform '{label}'.{did_you_mean(label, known)} Known: {', '.join(sorted(known))}; "
            f"and, with a strength in [-1, 1] written as in exposure(+0.350): {', '.join(ADJUSTMENTS)}."
        )
    return known[label]
