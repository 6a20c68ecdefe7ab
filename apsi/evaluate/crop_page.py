"""Which crops jurors like best: a page of pictures, and what is left of what people look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apsi.crops.metrics import rank_correlation
from apsi.env.crop_state import CropState
from apsi.evaluate.framing import faces_cut, kept
from apsi.juror.base import Juror
from apsi.photo import Floats, Photo
from apsi.photo.box import Box
from apsi.photo.faces import find_faces, has_detector
from apsi.photo.resample import fit
from apsi.photo.write import encode_jpeg, write_text
from apsi.transform.crop_moves import CropTo
from apsi.transform.recipe import Recipe
from apsi.web.page import data_uri, render

_SMALL = 1.1  # times the smallest area: such a crop counts as one of the smallest
_SIDE = 360  # pixels of the pictures
_QUALITY = 80


@dataclass(frozen=True)
class BestCrop:
    """The crop of a photo that a juror scores highest."""

    box: Box
    score: float
    score_of_whole: float
    picture: Photo
    """the whole photo, dimmed outside"""
    area_correlation: float
    """rank correlation of score and area over all crops that were tried"""


@dataclass(frozen=True)
class CropHabits:
    """What a juror's best crops have in common."""

    juror: str
    limits: str
    area: float
    smallest: float
    """share of the photos of which it likes one of the smallest crops best"""
    correlation: float
    faces_cut: float | None
    """a photo; None without a detector"""
    fixations: float | None
    """share of where people looked that is kept; None where that is not known"""


def best_crop(begun: CropState, boxes: Sequence[Box], juror: Juror) -> BestCrop:
    """What a juror likes best of a photo, the whole of it included.

    Args:
        begun: the photo, with its limits.
        boxes: crops to try; those that the limits don't allow are left out.
        juror: ready to score.
    """
    tried = {begun.box: begun} | {state.box: state for state in (begun.play(Recipe((CropTo(box),))) for box in boxes)}
    states = list(tried.values())
    scores = juror.score_framed([state.framed for state in states])
    best = int(np.argmax(scores))
    areas = np.array([state.box.area for state in states])
    return BestCrop(
        states[best].box, float(scores[best]), float(scores[0]), states[best].picture, rank_correlation(scores, areas)
    )


def habits(
    juror: str,
    limits: str,
    crops: Sequence[BestCrop],
    *,
    photos: Sequence[Photo],
    min_area: float,
    fixations: Sequence[Floats | None],
) -> CropHabits:
    """Means over photos.

    Args:
        juror: its name.
        limits: in words.
        crops: the best of each photo.
        photos: the whole photos.
        min_area: smallest crop that was allowed, as a share of the photo.
        fixations: of each photo, `(n, 2)` in shares; None where not known.
    """
    areas = np.array([crop.box.area for crop in crops])
    pairs = list(zip(photos, crops, strict=True))
    cut = [faces_cut(find_faces(photo), crop.box) for photo, crop in pairs] if has_detector() else []
    looks = [kept(points, crop.box) for points, crop in zip(fixations, crops, strict=True) if points is not None]
    return CropHabits(
        juror,
        limits,
        float(areas.mean()),
        float((areas <= _SMALL * min_area).mean()),
        float(np.mean([crop.area_correlation for crop in crops])),
        float(np.mean(cut)) if cut else None,
        float(np.nanmean(looks)) if looks else None,
    )


def write_crops(
    path: Path,
    names: Sequence[str],
    *,
    photos: Sequence[Photo],
    crops: Mapping[str, Sequence[BestCrop]],
    rows: Sequence[CropHabits],
) -> None:
    """Writes the page.

    Args:
        path: of it.
        names: of the photos.
        photos: whole.
        crops: by a title, the best crop of each photo.
        rows: habits of each juror.
    """
    shown = [
        {
            "name": name,
            "whole": _picture(photo),
            "crops": [
                {
                    "title": title,
                    "source": _picture(found[i].picture),
                    "alt": f"{name}: the crop {found[i].box}, the rest dimmed",
                    "area": found[i].box.area,
                    "score": found[i].score,
                    "whole": found[i].score_of_whole,
                }
                for title, found in crops.items()
            ],
        }
        for i, (name, photo) in enumerate(zip(names, photos, strict=True))
    ]
    write_text(path, render("apsi.evaluate", "crops.html.j2", rows=rows, shown=shown))


def _picture(photo: Photo) -> str:
    small = fit(photo, min(_SIDE, max(photo.shape[:2])), "longest_side")
    return data_uri(encode_jpeg(small, _QUALITY), "image/jpeg")
