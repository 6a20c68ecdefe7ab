"""The crop by the rule of thirds keeps what people look at."""

import json
from pathlib import Path

import numpy as np
import pytest

from apsi.photo import Photo
from apsi.photo.read import read_photo
from apsi.transform.crop import _most_looked_at
from apsi.transform.saliency import held_out, saliency

OSIE = Path(__file__).parents[3] / "shared" / "osie"


def flat_with_a_patch(x: int, y: int) -> Photo:
    photo = np.full((120, 180, 3), 90, np.uint8)
    photo[y - 5 : y + 5, x - 5 : x + 5] = 240
    return photo


@pytest.mark.parametrize(("x", "y"), [(30, 25), (80, 50), (140, 95), (60, 90)])
def test_what_stands_out_is_salient_and_is_kept(x: int, y: int) -> None:
    looks = saliency(flat_with_a_patch(x, y))
    assert looks.sum() == pytest.approx(1)
    row, column = np.unravel_index(looks.argmax(), looks.shape)
    assert ((column + 0.5) / looks.shape[1], (row + 0.5) / looks.shape[0]) == (
        pytest.approx(x / 180, abs=0.05),
        pytest.approx(y / 120, abs=0.06),
    )
    left, top = _most_looked_at(looks)
    assert left <= (x - 5) / 180 and (x + 5) / 180 <= left + 0.8
    assert top <= (y - 5) / 120 and (y + 5) / 120 <= top + 0.8


def test_where_nothing_stands_out_the_crop_is_near_the_middle() -> None:
    left, top = _most_looked_at(saliency(np.full((90, 120, 3), 77, np.uint8)))
    assert (left, top) == (pytest.approx(0.1, abs=0.07), pytest.approx(0.1, abs=0.07))


@pytest.mark.slow
@pytest.mark.skipif(not OSIE.is_dir(), reason="../shared/osie is not here")
def test_the_thirds_crop_keeps_more_of_what_people_looked_at_than_the_centre() -> None:
    kept: list[tuple[float, float]] = []
    fixations = json.loads((OSIE / "fixations.json").read_text())
    for name, people in ((name, people) for name, people in fixations.items() if held_out(name)):
        seen = np.array([fixation[:2] for person in people for fixation in person])
        start = _most_looked_at(saliency(read_photo(OSIE / "photos" / name)))
        inside = [
            ((seen >= corner) & (seen < np.add(corner, 0.8))).all(axis=1).mean() for corner in (start, (0.1, 0.1))
        ]
        kept.append((float(inside[0]), float(inside[1])))
    thirds, centre = np.mean(kept, axis=0)
    assert thirds > centre > 0.9
