"""A juror of crops that goes by where people probably look. Needs no download."""

from collections.abc import Sequence

import numpy as np
from cachetools import LRUCache

from apsi.errors import ApsiError, did_you_mean
from apsi.juror.base import SCORE_MAX, About, FramingJuror, require_scores
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.faces import find_faces, has_detector
from apsi.photo.hash import pixel_hash, value_hash
from apsi.transform.saliency import saliency

VERSION = "1"
_REMEMBERED = 5000  # maps of whole photos
_BORDER = 0.01  # of a side: an edge this near to the photo's own cuts nothing off
_BAND = 0.025  # of the photo's sides, to either side of an edge
_MUCH = 0.12  # of all attention within the bands of an edge: nothing more important can be cut
_THIRD = np.array([1 / 3, 2 / 3])
_OFF = np.hypot(1 / 6, 1 / 6)  # from the middle to a power point, in sides
_FINE = 48  # cells of a side on which parts are measured


class Attention(FramingJuror):
    """What a crop keeps of what people look at, and how it places it.

    The score is the weighted mean of four parts, each from 0 to 1, of a map of attention (`apsi.transform.saliency`,
    with faces where the extra `faces` is installed): `kept`, its share inside of the crop; `uncut`, less the more of it
    lies at an edge that cuts; `filled`, the share of the crop that it fills; `placed`, how near its peak is to a point
    of the rule of thirds.
    """

    about = About(
        native_range="[0, 1]",
        mapping="weighted mean of its parts, times 10",
        reference="after Hou and Zhang 2007 (where people look); the weights are apsi's own",
        licence="MIT, part of apsi",
        knows="where people look and how a crop keeps and places that; not light, colour or what is shown",
    )

    def __init__(self, weights: dict[str, float], faces: bool | None = None) -> None:
        """Takes the weights.

        Args:
            weights: of the parts, not negative; only their proportions count.
            faces: whether faces attract attention; None: where the extra `faces` is installed.

        Raises:
            ApsiError: an unknown part, or weights that mean nothing.
        """
        unknown = [name for name in weights if name not in self.part_names]
        missing = [name for name in self.part_names if name not in weights]
        if unknown or missing:
            wrong = f"unknown '{unknown[0]}'.{did_you_mean(unknown[0], missing)}" if unknown else f"no '{missing[0]}'."
            raise ApsiError(f"juror.weights of attention: {wrong} It needs {', '.join(self.part_names)}.")
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ApsiError(f"juror.weights={weights} must not be negative, and not all 0")
        self._weights = {name: weights[name] / total for name in self.part_names}
        self._faces = has_detector() if faces is None else faces
        self._maps: LRUCache[bytes, Floats] = LRUCache(_REMEMBERED)

    @property
    def fingerprint(self) -> str:
        return f"attention-{VERSION}-{value_hash([self._weights, self._faces])}"

    @property
    def part_names(self) -> tuple[str, ...]:
        return "kept", "uncut", "filled", "placed"

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        parts = self.parts(framed)
        scores: Floats = np.sum([self._weights[name] * parts[name] for name in self.part_names], axis=0)
        return require_scores(np.clip(SCORE_MAX * scores, 0, SCORE_MAX).reshape(len(framed)), self)

    def parts(self, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
        found = np.empty((len(framed), len(self.part_names)))
        of_whole: dict[bytes, list[int]] = {}
        for i, key in enumerate(_keys([one.whole for one in framed])):
            of_whole.setdefault(key, []).append(i)
        for key, chosen in of_whole.items():
            boxes = np.array([framed[i].box.array for i in chosen])
            found[chosen] = _parts_of(self._map(key, framed[chosen[0]].whole), boxes)
        return {name: found[:, k] for k, name in enumerate(self.part_names)}

    def _map(self, key: bytes, whole: Photo) -> Floats:
        """Attention summed from the top left, `(h + 1, w + 1)`; the last is 1."""
        if key not in self._maps:
            looks = saliency(whole, find_faces(whole) if self._faces else None)
            self._maps[key] = np.pad(looks.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        return self._maps[key]


def _keys(photos: Sequence[Photo]) -> list[bytes]:
    """A hash for each photo; many crops of one photo come together."""
    keys: dict[int, bytes] = {}
    return [keys[id(photo)] if id(photo) in keys else keys.setdefault(id(photo), pixel_hash(photo)) for photo in photos]


def _parts_of(sums: Floats, boxes: Floats) -> Floats:
    """The four parts of crops `(n, 4)` of one photo, `(n, 4)`; the same for a crop in any company."""
    edges = np.concatenate(
        [
            boxes[None],  # all of it, and a band at its left, top, right and bottom edge
            *(_band(boxes, side)[None] for side in range(4)),
        ]
    )
    masses = _masses(sums, edges.reshape(-1, 4)).reshape(5, -1)
    cuts = (boxes.T > _BORDER) & (boxes.T < 1 - _BORDER)
    uncut = 1 - np.minimum(1, np.where(cuts, masses[1:], 0).max(axis=0) / _MUCH)
    cells = _inside(sums, boxes)
    total, squares = cells.sum(axis=(1, 2)), (cells**2).sum(axis=(1, 2))
    seen = np.maximum(squares, 1e-300)
    filled = total**2 / (_FINE**2 * seen)
    places = (np.arange(_FINE) + 0.5) / _FINE
    across, down = (((cells**2).sum(axis=axis) * places).sum(axis=1) / seen for axis in (1, 2))  # no @, which rounds
    off = np.hypot(*(np.abs(place[:, None] - _THIRD).min(axis=1) for place in (across, down)))
    placed = np.where(squares > 0, 1 - np.minimum(1, off / _OFF), 0)
    return np.column_stack([masses[0], uncut, filled, placed])


def _band(boxes: Floats, side: int) -> Floats:
    """To either side of the left, top, right or bottom edge."""
    band = boxes.copy()
    band[:, side % 2], band[:, side % 2 + 2] = boxes[:, side] - _BAND, boxes[:, side] + _BAND
    return band


def _masses(sums: Floats, boxes: Floats) -> Floats:
    """Of what lies in boxes `(n, 4)`, `(n,)`."""
    at = _at(sums, boxes[:, [1, 3]], boxes[:, [0, 2]])
    masses: Floats = np.clip(at[:, 1, 1] - at[:, 0, 1] - at[:, 1, 0] + at[:, 0, 0], 0, 1)
    return masses


def _inside(sums: Floats, boxes: Floats) -> Floats:
    """Attention in a grid of equal cells of boxes, `(n, _FINE, _FINE)`."""
    shares = np.linspace(0, 1, _FINE + 1)
    low, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    down, across = (low[:, [axis]] + shares * sides[:, [axis]] for axis in (1, 0))
    cells: Floats = np.diff(np.diff(_at(sums, down, across), axis=1), axis=2).clip(0)
    return cells


def _at(sums: Floats, down: Floats, across: Floats) -> Floats:
    """The sums at shares of the sides `(n, k)`, linear between the map's cells, `(n, k, k)`."""
    rows, columns = _weights(down, sums.shape[0] - 1), _weights(across, sums.shape[1] - 1)
    at: Floats = np.stack([row @ sums @ column.T for row, column in zip(rows, columns, strict=True)])
    return at


def _weights(shares: Floats, cells: int) -> Floats:
    """Of each cell's end in the value at each share `(n, k)`, `(n, k, cells + 1)`."""
    places = np.clip(shares, 0, 1) * cells
    weights: Floats = np.clip(1 - np.abs(places[..., None] - np.arange(cells + 1)), 0, None)
    return weights
