"""What crops do to a photo besides its score: how much they leave, and of what people look at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apsi.crops.metrics import overlap
from apsi.env.edit_state import EditState
from apsi.episodes.base import Start
from apsi.errors import ApsiError
from apsi.photo import Floats
from apsi.photo.box import Box
from apsi.photo.faces import find_faces, has_detector
from apsi.policy.rollout import EditMeasure, EpisodeResult

AREA, FIXATIONS, FACES = "area", "fixations kept", "faces cut"
PLACE = "middle x", "middle y"
"""Of the crop's middle, as shares of the photo's sides"""
_MOST_BYTES = 200_000_000
_CUT = 0.99  # of a face's area, below which it counts as cut
Fixations = Mapping[str, Floats]
"""Name of a photo's file -> `(n, 2)`, x and y as shares of the sides"""


def read_fixations(file: str) -> Fixations:
    """Where people looked.

    Args:
        file: JSON, photo -> person -> `[[x, y, milliseconds], ...]`, x and y as shares of the sides.

    Raises:
        ApsiError: it can't be read, or holds something else.
    """
    path = Path(file).expanduser()
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ApsiError(f"evaluate.fixations={file} has more than {_MOST_BYTES:,} bytes")
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): _points(people) for name, people in data.items()}
    except OSError as error:
        raise ApsiError(f"evaluate.fixations={file} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise ApsiError(
            f"evaluate.fixations={file} is not a file of fixations ({error}): it must be JSON, photo -> person -> "
            "[[x, y, milliseconds], ...] with x and y from 0 to 1"
        ) from error


def _points(people: Any) -> Floats:
    points = np.array([point[:2] for person in people for point in person], np.float64).reshape(-1, 2)
    if points.size and not (points.min() >= -1 and points.max() <= 2):
        raise ValueError("x and y are no shares of the sides")
    return points


def kept(points: Floats, box: Box) -> float:
    """Share of the points `(n, 2)` that lie in a box; of those within the photo. NaN where there are none."""
    inside = points[((points >= 0) & (points <= 1)).all(axis=1)]
    if not len(inside):
        return np.nan
    return float(((inside >= box.array[:2]) & (inside <= box.array[2:])).all(axis=1).mean())


def faces_cut(faces: Floats, box: Box) -> float:
    """How many of the faces `(n, 4)` a box cuts or leaves out."""
    low, high = np.maximum(faces[:, :2], box.array[:2]), np.minimum(faces[:, 2:], box.array[2:])
    left = (high - low).clip(0).prod(axis=1)
    return float((left < _CUT * (faces[:, 2:] - faces[:, :2]).prod(axis=1)).sum())


@dataclass(frozen=True)
class FramingMeasures:
    """Figures of crops."""

    fixations: Fixations

    @classmethod
    def of(cls, file: str | None, mode: str) -> "FramingMeasures":
        """With the fixations of a file, if one is given.

        Raises:
            ApsiError: photos were cut when they were prepared, so that shares of the sides mean something else.
        """
        if file is not None and mode != "longest_side":
            raise ApsiError("evaluate.fixations needs whole photos: add preprocess.steps.resize.mode=longest_side")
        return cls({} if file is None else read_fixations(file))

    def all(self) -> dict[str, EditMeasure]:
        """By name: area and place always, faces where there is a detector, fixations where they are known."""
        measures: dict[str, EditMeasure] = {AREA: _area} | {name: _middle(i) for i, name in enumerate(PLACE)}
        if self.fixations:
            measures[FIXATIONS] = self._kept
        if has_detector():
            measures[FACES] = _faces
        return measures

    def _kept(self, edits: Sequence[EditState], starts: Sequence[Start]) -> Floats:
        known = [self.fixations.get(Path(start.source).name) for start in starts]
        pairs = zip(known, edits, strict=True)
        return np.array([np.nan if points is None else kept(points, edit.box) for points, edit in pairs])


def _area(edits: Sequence[EditState], starts: Sequence[Start]) -> Floats:
    return np.array([edit.box.area for edit in edits])


def _middle(axis: int) -> EditMeasure:
    return lambda edits, starts: np.array([edit.box.array[[axis, axis + 2]].mean() for edit in edits])


def _faces(edits: Sequence[EditState], starts: Sequence[Start]) -> Floats:
    return np.array([faces_cut(find_faces(edit.original), edit.box) for edit in edits])


def with_overlap(results: Mapping[str, list[EpisodeResult]], reference: str) -> dict[str, list[EpisodeResult]]:
    """The results with the overlap of each crop and that of the policy `reference`."""
    best = results[reference]
    return {
        name: [_compared(result, reference, other.box) for result, other in zip(played, best, strict=True)]
        for name, played in results.items()
    }


def _compared(result: EpisodeResult, reference: str, box: Box) -> EpisodeResult:
    before, after = (float(overlap(one.array[None], box.array[None])[0]) for one in (Box(), result.box))
    return replace(result, measures=result.measures | {f"IoU with {reference}": (before, after)})
