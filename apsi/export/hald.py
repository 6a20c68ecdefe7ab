"""HaldCLUTs: a lattice of colours as a picture, after Eskil Steenberg."""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from apsi.export.base import file_in
from apsi.export.colours import ColourEdit, ColourExport
from apsi.export.lut import Lut3D, exactness, lattice
from apsi.photo.write import atomic

LEVEL = 8
"""512 x 512 pixels, 64 colours a side: what most collections of HaldCLUTs have"""


class Hald(ColourExport):
    """A PNG of 16 bits."""

    def __init__(self, level: Annotated[int, Field(ge=2, le=16)]) -> None:
        """Takes the level: the picture has level ** 3 pixels a side, the lattice level ** 2 colours."""
        self.level = level

    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        path, exact = write_hald(edit, folder, name, self.level)
        return (path,), (exact,)


def write_hald(edit: ColourEdit, folder: Path, name: str, level: int = LEVEL) -> tuple[Path, str]:
    """Writes the picture, red changing fastest along its rows; returns its file and how exact it is."""
    values = np.rint(65535 * lattice(edit, level**2).values).astype(np.uint16)
    bgr = values[..., ::-1].transpose(2, 1, 0, 3).reshape(level**3, level**3, 3)
    encoded = cv2.imencode(".png", np.ascontiguousarray(bgr))[1]
    path = file_in(folder, name, "hald.png")
    with atomic(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
    return path, f"The HaldCLUT is {exactness(Lut3D(values / 65535), edit)}."
