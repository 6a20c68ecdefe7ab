"""Boxes of others as recipes."""

from collections.abc import Sequence

import numpy as np

from apsi.crops.boxes import Record
from apsi.errors import ApsiError
from apsi.photo import Floats
from apsi.photo.box import WHOLE, Box
from apsi.transform.crop import Crop

SURE = 8
"""So many boxes of corners, and more, do not all fit as sizes by chance: of boxes drawn at random a quarter does"""


def corners_or_sizes(records: Sequence[Record], sizes: Sequence[tuple[float, float]], slack: float) -> str:
    """What is to be said where boxes read as x1, y1, x2, y2 may be x, y, width, height; empty where they can't be.

    A box from near the left and top fits its photo in both ways, and as corners is another and smaller one. Boxes that
    begin at the corner itself are the same in both ways and say nothing.

    Args:
        records: boxes as they were read.
        sizes: height and width of each record's photo, in the unit of the boxes.
        slack: by how much a box may reach beyond it.

    Raises:
        ApsiError: `SURE` boxes or more, and all of them, fit as sizes.
    """
    boxes = np.concatenate([record.boxes for record in records])
    limits = np.repeat([(width, height) for height, width in sizes], [len(record.boxes) for record in records], axis=0)
    telling = (boxes[:, :2] > 0).any(axis=1)
    fit = (boxes[:, :2] + boxes[:, 2:] <= limits + slack).all(axis=1)
    if not telling.any() or not fit[telling].all():
        return ""
    count = int(telling.sum())
    said = (
        f"{'all' if count > 1 else 'the'} {count} boxes that do not begin at 0, 0 fit their photos as x, y, width and "
        "height as well: say which they are with preference.format.order='x1 y1 x2 y2' or "
        "preference.format.order='x y width height'"
    )
    if count >= SURE:
        raise ApsiError(f"{records[0].source}: {said}")
    return f"{said}; they were read as x1, y1, x2, y2"


def crop_recipe(box: Floats) -> tuple[str, ...]:
    """The recipe of a box `(4,)` in shares of the sides, to thousandths; that of the whole photo leaves it as it is.

    Raises:
        ApsiError: nothing is left of it.
    """
    cut = Box(*box.tolist())
    return () if cut == WHOLE else (Crop(cut).label,)
