"""The part of a photo with a given area that keeps the most of a map, such as of where people look."""

import numpy as np

from apsi.photo import Floats
from apsi.photo.box import GRID, Box, Ratio, sides_of

_STEP = 10  # thousandths between the widths that are tried; places are tried at each thousandth
_ASPECTS = 0.5, 2.0  # of boxes of any shape
_TIE = 1e-6  # of all, for the whole way to a corner: of parts alike, the one nearest to the centre


def best_box(looks: Floats, area: float, ratio: Ratio | None = None) -> Box:
    """The box with the most of a map.

    Args:
        looks: `(h, w)`, not negative, its sides in the ratio of the photo's; cells are of one value each.
        area: share of the photo, over 0 to 1; kept to within half a thousandth of a side.
        ratio: width to height; None for any from 1:2 to 2:1, or nearest to that where the photo is longer.
            Where the photo is too narrow for the ratio at this area, the box is the largest that has it.
    """
    h, w = looks.shape
    total = float(looks.sum())
    table = _integral(looks / total if total > 0 else looks)
    best, found = -np.inf, Box()
    for width, height in _sizes(area, ratio, h, w):
        kept = (
            table[height:, width:]
            - table[: GRID + 1 - height, width:]
            - table[height:, : GRID + 1 - width]
            + table[: GRID + 1 - height, : GRID + 1 - width]
        )
        down, across = ((np.arange(n) - (n - 1) / 2) / GRID for n in kept.shape)
        kept = kept - _TIE * (down[:, None] ** 2 + across**2)
        place = int(kept.argmax())
        if kept.flat[place] > best + 1e-12:
            best = float(kept.flat[place])
            y, x = divmod(place, kept.shape[1])
            found = Box(x / GRID, y / GRID, (x + width) / GRID, (y + height) / GRID)
    return found


def _sizes(area: float, ratio: Ratio | None, h: int, w: int) -> list[tuple[int, int]]:
    """Widths and heights in thousandths of the sides."""
    if ratio is not None:
        across, down = sides_of(ratio, h, w)
        wide = across * h / (down * w)  # width by height, as shares of the sides
        width = min(np.sqrt(area * wide), 1.0, wide)
        return [(max(1, round(width * GRID)), max(1, round(width / wide * GRID)))]
    widths = np.arange(int(np.ceil(area * GRID)), GRID + 1, _STEP)
    heights = np.clip(np.rint(area * GRID * GRID / widths).astype(int), 1, GRID)
    aspects = widths * w / (heights * h)
    beyond = np.maximum(np.maximum(_ASPECTS[0] / aspects, aspects / _ASPECTS[1]), 1.0)
    allowed = beyond <= max(1.0, beyond.min())
    return list(zip(widths[allowed].tolist(), heights[allowed].tolist(), strict=True))


def _integral(looks: Floats) -> Floats:
    """Sum of all that lies above and left of each thousandth, `(1001, 1001)`."""
    h, w = looks.shape
    sums = np.zeros((h + 1, w + 1))
    sums[1:, 1:] = looks.cumsum(axis=0).cumsum(axis=1)
    table: Floats = _between(h) @ sums @ _between(w).T
    return table


def _between(n: int) -> Floats:
    """Weights `(1001, n + 1)` that interpolate linearly between the edges of `n` cells."""
    places = np.linspace(0, n, GRID + 1)
    before = np.minimum(places.astype(int), n - 1)
    weights = np.zeros((GRID + 1, n + 1))
    rows = np.arange(GRID + 1)
    weights[rows, before] = 1 - (places - before)
    weights[rows, before + 1] = places - before
    return weights
