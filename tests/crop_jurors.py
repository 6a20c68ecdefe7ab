"""A juror of crops that is easy to predict."""

from collections.abc import Sequence

import numpy as np

from apsi.juror.base import About, FramingJuror
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats
from apsi.photo.box import Box

WANTED = Box(0.292, 0.208, 0.958, 0.958)
"""One of a grid of 12 cells a side"""


class Near(FramingJuror):
    """Scores how near a crop is to `WANTED`; says that it keeps more the larger it is."""

    fingerprint = "near"
    about = About(
        "",
        "",
        "",
        "",
        knows="where people look and how a crop keeps and places that; not light, colour or what is shown",
    )

    @property
    def part_names(self) -> tuple[str, ...]:
        return "kept", "placed"

    def parts(self, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
        placed = np.array([1 - np.abs(one.box.array - WANTED.array).max() for one in framed])
        return {"kept": np.array([one.box.area**0.1 for one in framed]), "placed": placed}

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        return 10 * self.parts(framed)["placed"]
