"""Boxes of others as recipes."""

from apsi.photo import Floats
from apsi.photo.box import WHOLE, Box
from apsi.transform.crop import Crop


def crop_recipe(box: Floats) -> tuple[str, ...]:
    """The recipe of a box `(4,)` in shares of the sides, to thousandths; that of the whole photo leaves it as it is.

    Raises:
        ApsiError: nothing is left of it.
    """
    cut = Box(*box.tolist())
    return () if cut == WHOLE else (Crop(cut).label,)
