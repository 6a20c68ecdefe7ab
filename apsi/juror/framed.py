"""A photo for a juror to score, and what it is a part of."""

from collections.abc import Sequence
from dataclasses import dataclass

from apsi.photo import Photo
from apsi.photo.box import WHOLE, Box


@dataclass(frozen=True, eq=False)
class FramedPhoto:
    """What is scored, and for jurors of crops what it was cut from."""

    photo: Photo
    """`(H, W, 3)` `uint8` RGB"""
    uncut: Photo | None = None
    """the whole photo without any edit, at any size; None where nothing was cut: `photo` is the whole then"""
    box: Box = WHOLE
    """the part of it that `photo` shows"""

    @property
    def whole(self) -> Photo:
        """The whole photo."""
        return self.photo if self.uncut is None else self.uncut


def photos_of(framed: Sequence[FramedPhoto]) -> list[Photo]:
    """What is scored, without what it is a part of."""
    return [one.photo for one in framed]
