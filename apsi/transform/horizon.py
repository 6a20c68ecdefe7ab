"""Levelling the horizon."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.depth import to_8_bits
from apsi.photo.resample import resample
from apsi.transform.base import Transform

_Segments: TypeAlias = npt.NDArray[np.float64]
"""Left and right end of each, x1, y1, x2, y2 in pixels"""

_LONGEST = 32_766  # pixels, what cv2.warpAffine can turn
_LOOK = 1024  # longer side, in pixels, on which lines are first looked for
_LAST_LOOK = 240  # the photo is halved until it is smaller: soft horizons are lines in small versions only
_LEVELLED = 10.0  # degrees; what leans more is meant to
_LOOKED_AT = 22.0  # degrees; lines that lean so far may contradict a horizon
_SAME_ANGLE = 1.5  # degrees
_LEAST_TURN = 0.1  # degrees
_LOOKED_INTO = 150  # segments
_TRIED = 20  # of the longest segments, each as a piece of the horizon
_SHORTEST = 0.03  # of the width
_OFF_LINE = 0.008  # of the longer side: how far apart the pieces of a line may lie
_FRAME = 0.03  # of the height: lines along the upper and lower edge are borders and frames
_LEAST_COVERED = 0.35  # of the width by pieces of a horizon
_LEAST_LEAD = 2.0  # over the longest line of another angle


@dataclass(frozen=True)
class LevelHorizon(Transform):
    """Turns the photo until its horizon is level, and cuts the corners away.

    The horizon is the longest line within 10 degrees, where it stands out from the lines of other angles; without one
    the photo stays as it is.
    """

    reframes: ClassVar[bool] = True
    deep = True

    @property
    def label(self) -> str:
        return "level_horizon"

    @property
    def advice(self) -> str:
        return "The horizon is crooked: level it."

    def __call__(self, photo: Photo) -> Photo:
        degrees = lean(to_8_bits(photo))
        if degrees is None or abs(degrees) < _LEAST_TURN:
            return photo.copy()
        h, w = photo.shape[:2]
        if max(h, w) > _LONGEST:
            raise ApsiError(
                f"'{self.label}' can't turn {w} x {h} pixels, at most {_LONGEST:,} a side: crop the photo or make it "
                "smaller first, or leave this step out"
            )
        turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, 1.0)
        turned = cv2.warpAffine(
            np.ascontiguousarray(photo), turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        radians = math.radians(abs(degrees))
        # the largest part of the same shape that holds no corner from outside
        shrink = 1 / (math.cos(radians) + max(w / h, h / w) * math.sin(radians))
        new_w, new_h = max(1, int(shrink * w)), max(1, int(shrink * h))
        left, top = (w - new_w) // 2, (h - new_h) // 2
        return turned[top : top + new_h, left : left + new_w].astype(photo.dtype, copy=False)


def lean(photo: Photo) -> float | None:
    """Degrees by which the horizon falls to the right, at most 10; None where no line stands out.

    Lines are put together from the segments that OpenCV's LSD finds, whose ends are exact to parts of a pixel (Grompone
    von Gioi et al., "LSD: a line segment detector", IPOL 2012).
    """
    h, w = photo.shape[:2]
    scale = min(1.0, _LOOK / max(h, w))
    small = resample(photo, max(1, round(w * scale)), max(1, round(h * scale)))
    gray = cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY)
    while True:
        found = _horizon(gray.astype(np.uint8, copy=False))
        h, w = gray.shape[:2]
        if found is not None or max(h, w) < _LAST_LOOK:
            return found
        gray = cv2.resize(gray, (max(1, w // 2), max(1, h // 2)), interpolation=cv2.INTER_AREA)


def _horizon(gray: npt.NDArray[np.uint8]) -> float | None:
    h, w = gray.shape
    segments = _segments(gray)
    lines = [_line_through(segments, piece, _OFF_LINE * max(h, w)) for piece in segments[:_TRIED]]
    if not lines:
        return None
    angles, lengths = np.array(lines).T
    alike = np.abs(angles - angles[lengths.argmax()]) <= _SAME_ANGLE
    rival = lengths[~alike].max(initial=0)
    if lengths.max() < max(_LEAST_COVERED * w, _LEAST_LEAD * rival):
        return None
    degrees = float(np.average(angles[alike], weights=lengths[alike] ** 4))
    return degrees if abs(degrees) <= _LEVELLED else None


def _segments(gray: npt.NDArray[np.uint8]) -> _Segments:
    """The segments that are nearly horizontal and not at the edge, longest first."""
    h, w = gray.shape
    if min(h, w) < 8:
        return np.zeros((0, 4))
    found: Any = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(gray)[0]
    segments = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    backwards = segments[:, 0] > segments[:, 2]
    segments[backwards] = segments[backwards][:, [2, 3, 0, 1]]
    lengths, middle = _lengths(segments), segments[:, 1::2].mean(axis=1)
    kept = (np.abs(_angles(segments)) <= _LOOKED_AT) & (lengths >= _SHORTEST * w)
    kept &= (middle > _FRAME * h) & (middle < (1 - _FRAME) * h)
    longest: _Segments = segments[kept][np.argsort(-lengths[kept], kind="stable")]
    return longest[:_LOOKED_INTO]


def _angles(segments: _Segments) -> npt.NDArray[np.float64]:
    radians = np.arctan2(segments[:, 3] - segments[:, 1], segments[:, 2] - segments[:, 0])
    degrees: npt.NDArray[np.float64] = np.degrees(radians)
    return degrees


def _lengths(segments: _Segments) -> npt.NDArray[np.float64]:
    lengths: npt.NDArray[np.float64] = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    return lengths


def _line_through(segments: _Segments, piece: _Segments, tolerance: float) -> tuple[float, float]:
    """Angle of the line that this segment is a piece of, in degrees, and how many pixels across its pieces cover.

    A least-squares fit of all points of the pieces, repeated with those that lie along the fitted line.
    """
    angles, lengths = _angles(segments), _lengths(segments)
    x, y = segments[:, 0::2].mean(axis=1), segments[:, 1::2].mean(axis=1)
    across, down = segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]
    own = (segments == piece).all(axis=1)
    chosen = own
    for _ in range(3):
        weights = lengths[chosen] / lengths[chosen].sum()
        x0, y0 = weights @ x[chosen], weights @ y[chosen]
        spread = weights @ ((x[chosen] - x0) ** 2 + across[chosen] ** 2 / 12)
        rise = weights @ ((x[chosen] - x0) * (y[chosen] - y0) + across[chosen] * down[chosen] / 12)
        slope = rise / spread
        off = np.abs(y - y0 - slope * (x - x0))
        chosen = own | ((off < tolerance) & (np.abs(angles - math.degrees(math.atan(slope))) < 2))
    ends = segments[chosen][:, [0, 2]]
    covered, reached = 0.0, -math.inf
    for left, right in sorted(ends.tolist()):
        covered += max(0.0, right - max(left, reached))
        reached = max(reached, right)
    return math.degrees(math.atan(slope)), covered


TRANSFORMS = (LevelHorizon(),)
