"""Look-up tables of colours: made of an edit, looked up with interpolation, held against the edit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apsi.export.colours import ColourEdit
from apsi.photo import Photo

BYTE_POINTS = 52
"""Lattice points a side that fall on bytes: 0, 5, ... 255"""
_TRIED = 1 << 16  # colours

Values = npt.NDArray[np.float64]
"""On the scale 0 to 1, as tables of other programs have them"""


@dataclass(frozen=True)
class Lut1D:
    """A table for each channel."""

    values: Values
    """`(256, 3)`"""

    def __call__(self, colours: Values) -> Values:
        """Looks up colours `(..., 3)`, linearly between two entries."""
        steps = np.linspace(0, 1, len(self.values))
        found = [np.interp(colours[..., c], steps, self.values[:, c]) for c in range(3)]
        return np.stack(found, axis=-1)


@dataclass(frozen=True)
class Lut3D:
    """A lattice of colours."""

    values: Values
    """`(n, n, n, 3)`: red, green, blue"""

    def __call__(self, colours: Values) -> Values:
        """Looks up colours `(..., 3)` between the four corners of a tetrahedron, as FFmpeg and most programs do.

        Kasson, Nin, Plouffe, Hafner: "Performing color space conversions with three-dimensional linear interpolation",
        Journal of Electronic Imaging 4(3), 1995.
        """
        n = len(self.values)
        position = np.clip(colours, 0, 1) * (n - 1)
        corner = np.minimum(position.astype(np.int64), n - 2)
        share = position - corner
        order = np.argsort(-share, axis=-1)
        falling = np.take_along_axis(share, order, axis=-1)
        weights = -np.diff(
            falling, axis=-1, prepend=1, append=0
        )  # of the corners, one step along an axis after another
        found = weights[..., :1] * self._at(corner)
        for k in range(3):
            corner = corner + (np.arange(3) == order[..., k : k + 1])
            found += weights[..., k + 1 : k + 2] * self._at(corner)
        return found

    def _at(self, corner: npt.NDArray[np.int64]) -> Values:
        red, green, blue = np.moveaxis(corner, -1, 0)
        found: Values = self.values[red, green, blue]
        return found


@dataclass(frozen=True)
class Exactness:
    """How far a table is from the edit that it was made of, in levels of 255, over random colours."""

    largest: int
    mean: float

    def __str__(self) -> str:
        return f"within {self.largest} of 255 of the recipe, {self.mean:.2f} on average, over random colours"


def apply_lut(lut: Lut1D | Lut3D, photo: Photo) -> Photo:
    """The photo with every colour looked up."""
    return np.rint(255 * np.clip(lut(photo / 255), 0, 1)).astype(np.uint8)


def exactness(lut: Lut1D | Lut3D, edit: ColourEdit) -> Exactness:
    """Holds a table against the edit."""
    colours = np.random.default_rng(0).integers(0, 256, (_TRIED // 256, 256, 3), dtype=np.uint8)
    off = np.abs(apply_lut(lut, colours).astype(np.int16) - edit(colours))
    return Exactness(int(off.max()), float(off.mean()))


def per_channel(edit: ColourEdit) -> Lut1D | None:
    """The exact table of each channel; None where what becomes of a channel depends on the others too."""
    grays = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    tables = edit(grays)[0]
    levels = np.arange(0, 256, 255 // (BYTE_POINTS - 1))
    found = edit.of_levels(levels)
    for c, axis in enumerate(np.meshgrid(levels, levels, levels, indexing="ij")):
        if not np.array_equal(found[..., c], tables[axis, c]):
            return None
    return Lut1D(tables / 255)


def lattice(edit: ColourEdit, points: int) -> Lut3D:
    """The colours of a lattice with so many points a side; what falls between bytes is taken from those around it."""
    exact = np.arange(points) * 255 / (points - 1)
    below, above = np.floor(exact).astype(int), np.ceil(exact).astype(int)
    levels = np.unique([below, above])
    values: npt.NDArray[np.float32] = edit.of_levels(levels).astype(np.float32)
    share = (exact - below).astype(np.float32)
    for axis in range(3):
        one, other = (np.take(values, np.searchsorted(levels, ends), axis) for ends in (below, above))
        values = one + (other - one) * np.expand_dims(share, tuple(k for k in range(4) if k != axis))
    return Lut3D(values.astype(np.float64) / 255)
