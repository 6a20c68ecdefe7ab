"""`.cube` files, as Adobe's specification 1.0 (2013) has them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from apsi.errors import ApsiError
from apsi.export.base import file_in
from apsi.export.colours import ColourEdit, ColourExport
from apsi.export.lut import Lut1D, Lut3D, exactness, lattice, per_channel
from apsi.photo.write import write_text

_KEYWORDS = {"LUT_1D_SIZE": Lut1D, "LUT_3D_SIZE": Lut3D}


class Cube(ColourExport):
    """A table for each channel where the recipe treats channels apart, which is exact, else a lattice."""

    def __init__(self, points: Annotated[int, Field(ge=2, le=256)], always_3d: bool) -> None:
        """Takes the settings.

        Args:
            points: of the lattice, a side; 52 and 86 fall on bytes.
            always_3d: for programs that take no table for each channel.
        """
        self.points, self.always_3d = points, always_3d

    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        lut = None if self.always_3d else per_channel(edit)
        table = lut or lattice(edit, self.points)
        path, exact = file_in(folder, name, "cube"), f"The table is {exactness(table, edit)}."
        write_text(path, cube_text(table, path.stem, [*edit.about, exact]))
        return (path,), (exact,)


def cube_text(lut: Lut1D | Lut3D, title: str, comments: Sequence[str]) -> str:
    """The content of a `.cube` file; in a lattice, red changes fastest."""
    keyword = next(keyword for keyword, kind in _KEYWORDS.items() if isinstance(lut, kind))
    rows = lut.values if isinstance(lut, Lut1D) else lut.values.transpose(2, 1, 0, 3)
    head = [f'TITLE "{title.encode("ascii", "replace").decode()}"', *(f"# {line}" for line in comments)]
    entries = (f"{r:.6g} {g:.6g} {b:.6g}" for r, g, b in rows.reshape(-1, 3).tolist())
    return "\n".join([*head, f"{keyword} {len(lut.values)}", *entries, ""])


def read_cube(path: Path) -> Lut1D | Lut3D:
    """Reads a `.cube` file whose values lie between 0 and 1, of apsi or of others.

    Raises:
        ApsiError: missing, or not of this kind.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        words = [line for line in lines if line and not line[0].startswith("#")]
        keyword, size = next((line[0], int(line[1])) for line in words if line[0] in _KEYWORDS)
        rows = np.array([line for line in words if not line[0][0].isalpha()], np.float64)
        shape = (size, 3) if keyword == "LUT_1D_SIZE" else (size, size, size, 3)
        values = rows.reshape(shape)
    except (OSError, StopIteration, ValueError, IndexError) as error:
        raise ApsiError(f"{path} is no .cube file that can be read ({error!r}); export it again") from error
    return Lut1D(values) if keyword == "LUT_1D_SIZE" else Lut3D(values.transpose(2, 1, 0, 3))
