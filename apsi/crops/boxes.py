"""Boxes of a data set, held against their photos: what was read in a wrong order or unit is named, never used."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Bools, Floats, Ints

_CORNERS, _SIZES = ("x1", "y1", "x2", "y2"), ("x", "y", "width", "height")
_AS_SIZES = dict(zip(_CORNERS, _SIZES, strict=True))
_TURNED = {"x1": "y1", "y1": "x1", "x2": "y2", "y2": "x2", "x": "y", "y": "x", "width": "height", "height": "width"}


@dataclass(frozen=True, eq=False)
class Record:
    """What a data set says of one photo, in its own unit."""

    name: str
    """path of the photo below the root, with forward slashes"""
    source: str
    """the file that says so"""
    boxes: Floats
    """`(n, 4)`: x1, y1, x2, y2"""
    places: Sequence[str]
    """where in the file each box stands, such as `line 3`"""
    scores: Floats
    """`(n,)`, NaN: not annotated"""
    are_best: bool = False
    pairs: Ints = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    """as `AnnotatedPhoto.pairs`"""


class Reading(Protocol):
    """How boxes were read, for what is said where that was wrong."""

    @property
    def root(self) -> str:
        """Folder of the photos."""

    @property
    def slack(self) -> float:
        """Pixels by which a box may reach beyond its photo."""

    @property
    def unit_is_shares(self) -> bool:
        """Whether boxes are shares of the sides."""

    @property
    def order_read(self) -> str:
        """The order in which the numbers of a box were read."""

    def how_to_say(self, order: str) -> str:
        """How to have them read in another order."""


def require_order(order: str, place: str) -> str:
    """Returns the order of the four numbers of a box, or raises.

    Raises:
        ApsiError: it does not have x1, y1, x2, y2 or x, y, width, height once each; the message names `place`.
    """
    if sorted(order.split()) not in (sorted(_CORNERS), sorted(_SIZES)):
        raise ApsiError(
            f"{place}={order} must have each of x1 y1 x2 y2, or each of x y width height, with spaces between them, "
            "in the order of the file"
        )
    return order


def corners(values: Floats, order: str) -> Floats:
    """Boxes `(n, 4)` in an order that `require_order` allows as x1, y1, x2, y2."""
    names = order.split()
    read = values[:, [names.index(name) for name in (_CORNERS if "x1" in names else _SIZES)]].copy()
    if "x" in names:
        read[:, 2:] += read[:, :2]
    return read


def to_shares(records: Sequence[Record], sizes: Sequence[tuple[float, float]], reading: Reading) -> list[Floats]:
    """The boxes of each record as shares of the sides.

    Args:
        records: of a whole data set, so that what is wrong with all of it shows.
        sizes: height and width of each photo, in the unit of the boxes.
        reading: how they were read.

    Raises:
        ApsiError: a box is empty, inverted or reaches beyond its photo; or all of them look like another unit.
    """
    if not records:
        return []
    counts = [len(record.boxes) for record in records]
    boxes = np.concatenate([record.boxes for record in records])
    limits = np.repeat(np.array([(width, height) for height, width in sizes], np.float64), counts, axis=0)
    slack = 1e-6 if reading.unit_is_shares else reading.slack
    bad = ~_fits(boxes, limits, slack)
    too_small = not reading.unit_is_shares and len(boxes) > 0 and boxes.max() <= 1
    if bad.any() or too_small:
        row = int(np.argmax(bad))
        which = int(np.searchsorted(np.cumsum(counts), row, side="right"))
        record = records[which]
        place = record.places[row - sum(counts[:which])]
        raise ApsiError(
            f"{record.source}, {place}: the box {_text(boxes[row])} (x1, y1, x2, y2) of {record.name}, which is "
            f"{_size_text(limits[row], reading)}, {_wrong(boxes[row], bad[row])} (as are "
            f"{int(bad.sum()) if bad.any() else len(boxes)} of {len(boxes)} boxes). "
            f"{_remedy(boxes, limits, slack, reading)}"
        )
    cut = np.clip(boxes, 0, np.tile(limits, 2)) / np.tile(limits, 2)
    return np.split(cut, np.cumsum(counts)[:-1])


def _fits(boxes: Floats, limits: Floats, slack: float) -> Bools:
    """Which boxes `(n, 4)` are not empty, and within `limits` `(n, 2)`."""
    inside = np.logical_and((boxes[:, :2] >= -slack).all(axis=1), (boxes[:, 2:] <= limits + slack).all(axis=1))
    cut = np.clip(boxes, 0, np.tile(limits, 2))
    return np.logical_and(inside, (cut[:, 2:] > cut[:, :2]).all(axis=1))


def _wrong(box: Floats, bad: bool) -> str:
    if not bad:
        return "is no larger than a pixel"
    return "is empty or inverted" if (box[2:] <= box[:2]).any() else "reaches beyond it"


def _remedy(boxes: Floats, limits: Floats, slack: float, reading: Reading) -> str:
    """What the boxes look like instead, or what is needed."""
    other_unit = boxes.min() >= -1e-6 and boxes.max() <= 1 + 1e-6
    if not reading.unit_is_shares and other_unit:
        return "They look like shares of the sides where pixels are meant: multiply them by the sides, or use crops=csv"
    if reading.unit_is_shares and boxes.max() > 2:
        return "They look like pixels where shares of the sides are meant: crops.unit=pixels"
    as_sizes = np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    names = reading.order_read.split()
    if "x1" in names and (boxes[:, 2:] <= boxes[:, :2]).any() and _fits(as_sizes, limits, slack).all():
        order = " ".join(_AS_SIZES[name] for name in names)
        return (
            f"Read as x, y, width and height all {len(boxes)} fit: if that is what they are, "
            f"say {reading.how_to_say(order)}"
        )
    if _fits(boxes[:, [1, 0, 3, 2]], limits, slack).all():
        order = " ".join(_TURNED[name] for name in names)
        return f"With x and y exchanged all {len(boxes)} fit: if they are, say {reading.how_to_say(order)}"
    return (
        f"x1 < x2, y1 < y2 and a box within the photo are needed: correct the file; are the photos in "
        f"crops.root={reading.root} those that were annotated, at the same size? crops.slack={reading.slack:g} pixels "
        "beyond the photo are cut off"
    )


def _text(box: Floats) -> str:
    return ", ".join(f"{value:g}" for value in box)


def _size_text(limits: Floats, reading: Reading) -> str:
    return "1 x 1 (shares)" if reading.unit_is_shares else f"{limits[0]:g} x {limits[1]:g} pixels"
